//! What happens next.

use crate::world::{Check, DAY, HOUR, MINUTE, SECOND, World};

#[derive(Debug, Clone, Copy)]
enum Action {
    Capture,
    Sync,
    Burst,
    Pass,
    LongPass,
    ArriveLate,
    RestartPhone,
    Clone,
    LoseBody,
    TurnClock,
    Rights,
    Move,
    Purge,
    PurgeDay,
    ExpireExits,
    Console,
    Resolve,
    Grow,
    RestartCentre,
    Copy,
    Restore,
}

const ACTIONS: [(usize, Action); 21] = [
    (300, Action::Capture),
    (280, Action::Sync),
    (60, Action::Burst),
    (120, Action::Pass),
    (12, Action::LongPass),
    (12, Action::ArriveLate),
    (14, Action::RestartPhone),
    (22, Action::Clone),
    (8, Action::LoseBody),
    (16, Action::TurnClock),
    (24, Action::Rights),
    (24, Action::Move),
    (8, Action::Purge),
    (3, Action::PurgeDay),
    (6, Action::ExpireExits),
    (20, Action::Console),
    (30, Action::Resolve),
    (10, Action::Grow),
    (8, Action::RestartCentre),
    (14, Action::Copy),
    (10, Action::Restore),
];

impl World {
    /// Lives through so many actions, then becomes quiet and is held to account.
    pub(crate) fn run(&mut self, actions: usize) -> Check {
        for _ in 0..actions {
            self.act()?;
        }
        self.settle()
    }

    fn act(&mut self) -> Check {
        let carrier = self.random.below(self.carriers.len());
        self.pass(11);
        match self.random.weighted(&ACTIONS) {
            Action::Capture => self.capture_something(carrier),
            Action::Sync => self.sync(carrier),
            Action::Burst => {
                let count = 1 + self.random.below(4);
                (0..count).try_for_each(|_| self.capture_something(carrier))?;
                (0..3).try_for_each(|_| self.sync(carrier))
            }
            Action::Pass => {
                let by = self.random.between(SECOND, 40 * MINUTE);
                self.pass(by);
                self.glance_all()
            }
            Action::LongPass => {
                let by = self.random.between(HOUR, 5 * DAY / 2);
                self.say(|| format!("{} h pass", by / HOUR));
                self.pass(by);
                self.glance_all()
            }
            Action::ArriveLate => self.arrive_late(carrier),
            Action::RestartPhone => {
                self.restart_phone(self.carriers[carrier].phone);
                Ok(())
            }
            Action::Clone => self.clone_a_phone(carrier),
            Action::LoseBody => self.lose_a_body(carrier),
            Action::TurnClock => self.turn_a_clock(),
            Action::Rights => self.change_rights(),
            Action::Move => self.move_something(),
            Action::Purge => self.purge_something(),
            Action::PurgeDay => self.purge_a_day(),
            Action::ExpireExits => self.expire_exits(),
            Action::Console => self.write_at_console(),
            Action::Resolve => self.resolve_something(),
            Action::Grow => self.grow_kinds(),
            Action::RestartCentre => {
                self.say(|| "the centre restarts".to_owned());
                self.figures.one("restarts of the centre");
                self.centre.restart()
            }
            Action::Copy => {
                let at = self.time;
                self.say(|| "a copy is made".to_owned());
                self.centre.copy(at);
                Ok(())
            }
            Action::Restore => self.restore_a_copy(),
        }
    }

    fn sync(&mut self, carrier: usize) -> Check {
        if self.random.chance(70) {
            self.carriers[carrier].replica.hurry();
        }
        self.pass(3 * SECOND);
        self.sync_once(carrier).map(|_| ())
    }

    fn glance_all(&mut self) -> Check {
        (0..self.carriers.len()).try_for_each(|carrier| self.glance(carrier))
    }
}
