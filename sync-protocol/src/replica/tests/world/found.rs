//! Worlds in which something was wrong once, as short as the search could make them. The numbers
//! are steps of [`super::World::step`].

use super::*;

/// What the search found, and in pages of how many rows.
fn hold(steps: &[(u8, u8, u8)], page_rows: usize) {
    let mut world = run(steps, page_rows);
    world.settle();
    world.check();
}

/// Half pulled over two pages, a move is undone by a restore: the record is again in the scope it
/// left, on a page still to come, and the scope it was going to is complete without it.
#[rustfmt::skip]
#[test]
fn i11_a_move_that_a_restore_undoes_half_way_takes_nothing_off_the_screen() {
    hold(&[(32, 14, 0), (8, 8, 0), (26, 47, 207), (8, 80, 0), (36, 0, 0), (0, 4, 0), (0, 120, 0), (41, 1, 4), (41, 130, 1), (5, 0, 0), (8, 16, 0), (27, 0, 0), (5, 0, 0), (8, 163, 0), (38, 163, 205), (11, 221, 32), (41, 50, 100), (6, 68, 207), (37, 39, 210)], 4);
}

/// The program ends after the rows and before the cursors of a move that a restore then undoes:
/// one scope would be swept of the record while the other does not yet know that it lacks it.
#[rustfmt::skip]
#[test]
fn i11_nothing_is_swept_while_a_proof_says_that_something_is_missing() {
    hold(&[(8, 20, 0), (0, 0, 0), (0, 0, 0), (26, 32, 200), (8, 116, 0), (36, 0, 0), (38, 29, 0), (0, 0, 0), (27, 0, 0), (22, 84, 121), (0, 0, 0), (18, 0, 0), (37, 0, 0)], 3);
}
