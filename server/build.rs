//! Migrations are embedded by a macro, which cargo cannot see through: a changed folder must
//! lead to a new build.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
