//! Roles, and the ladder of who may give which. What a role may do with records is said by the
//! kinds; this is only about people.

use sync_protocol::Millis;
use sync_protocol::id::UserId;

use super::Refusal;
use crate::store::Reach;
use crate::store::grants::PlacedGrant;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Volunteer,
    CheckpointLeader,
    GridLeader,
    Officer,
    Command,
    Auditor,
    Admin,
}

impl Role {
    pub const ALL: [Self; 7] = [
        Self::Volunteer,
        Self::CheckpointLeader,
        Self::GridLeader,
        Self::Officer,
        Self::Command,
        Self::Auditor,
        Self::Admin,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Volunteer => "volunteer",
            Self::CheckpointLeader => "checkpoint_leader",
            Self::GridLeader => "grid_leader",
            Self::Officer => "officer",
            Self::Command => "command",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// The roles that may give and take this one, in their area and below. Nobody gives a role
    /// above their own; two of the same standing do not make each other, except admins.
    pub const fn givers(self) -> &'static [&'static str] {
        match self {
            Self::Volunteer => &["admin", "command", "officer", "checkpoint_leader"],
            Self::CheckpointLeader | Self::GridLeader => &["admin", "command", "officer"],
            Self::Officer => &["admin", "command"],
            Self::Command | Self::Auditor | Self::Admin => &["admin"],
        }
    }

    /// The roles above this one, whose devices and passwords it must not touch.
    fn is_given_by(self, giver: Self) -> bool {
        self.givers().contains(&giver.as_str())
    }
}

/// The roles that manage people: they see accounts, devices and assignments in their areas.
pub const MANAGERS: &[&str] = &["admin", "command", "officer", "checkpoint_leader"];
/// The roles that may read the lists of people without managing them.
pub const READERS: &[&str] = &[
    "admin",
    "command",
    "officer",
    "checkpoint_leader",
    "auditor",
];
/// The role that manages the area tree.
pub const AREA_KEEPERS: &[&str] = &["admin"];

/// The grants by which others have to do with a person: those that have begun, also such as are over.
/// One that begins later gives nobody a hand on them, unless they have held nothing before.
fn begun(grants: &[PlacedGrant], now: Millis) -> impl Iterator<Item = &PlacedGrant> {
    let ahead = move |row: &PlacedGrant| row.grant.from_at > now;
    let none = grants.iter().all(ahead);
    grants.iter().filter(move |row| none || !ahead(row))
}

/// Who asks for a change.
#[derive(Debug, Clone, Copy)]
pub enum Actor<'a> {
    /// Somebody signed in.
    Person(&'a Reach),
    /// The operator, who has the database file in hand anyway.
    CommandLine,
}

impl Actor<'_> {
    /// Who did it, for the row that tells.
    pub fn account(&self) -> Option<UserId> {
        match self {
            Self::Person(reach) => Some(reach.account()),
            Self::CommandLine => None,
        }
    }

    /// Whether this role may be given, or taken, at the node with this path.
    pub fn may_give(&self, role: Role, path: &str) -> bool {
        match self {
            Self::Person(reach) => reach.holds(role.givers(), path),
            Self::CommandLine => true,
        }
    }

    /// Whether one of `roles` is held at the node with this path.
    pub fn holds(&self, roles: &[&str], path: &str) -> bool {
        match self {
            Self::Person(reach) => reach.holds(roles, path),
            Self::CommandLine => true,
        }
    }

    /// Whether the caller sees a person with these grants at all.
    pub fn sees(&self, grants: &[PlacedGrant], now: Millis) -> bool {
        begun(grants, now).any(|row| self.holds(READERS, &row.path))
    }

    /// Whether the caller may give something to a person with these grants: who is at work somewhere
    /// is lent only by those who see them there; whose grants are all over, by those who see one of
    /// them. Who never held any is there for all.
    pub fn may_lend(&self, grants: &[PlacedGrant], now: Millis) -> bool {
        let mut open = begun(grants, now)
            .filter(|row| !row.grant.is_over(now))
            .peekable();
        if open.peek().is_some() {
            open.any(|row| self.holds(READERS, &row.path))
        } else {
            grants.is_empty() || self.sees(grants, now)
        }
    }

    /// Whether the caller may act *for* a person: set a password, enrol a phone, close the account.
    /// Whoever does that gains what the person may do, so every grant that is not over must be
    /// one that the caller could give, also those that begin later; and one of those that have begun,
    /// running or over.
    pub fn may_manage(&self, grants: &[PlacedGrant], now: Millis) -> bool {
        if matches!(self, Self::CommandLine) {
            return true;
        }
        let givable = |row: &PlacedGrant| {
            Role::parse(&row.grant.role).is_some_and(|role| self.may_give(role, &row.path))
        };
        let mut open = grants.iter().filter(|row| !row.grant.is_over(now));
        open.all(givable) && begun(grants, now).any(givable)
    }

    /// Whether the caller may take a phone out of use. One grant that the caller could give is
    /// enough, so that a lost phone is stopped at once, as long as its owner holds nothing that
    /// stands above what the caller holds.
    pub fn may_stop(&self, grants: &[PlacedGrant], now: Millis) -> bool {
        let Self::Person(reach) = self else {
            return true;
        };
        let own: Vec<Role> = reach
            .held()
            .filter_map(|(_, role)| Role::parse(role))
            .collect();
        let outranked = begun(grants, now)
            .filter(|row| !row.grant.is_over(now))
            .filter_map(|row| Role::parse(&row.grant.role))
            .any(|role| !own.iter().any(|giver| role.is_given_by(*giver)));
        let touches = begun(grants, now).any(|row| {
            Role::parse(&row.grant.role).is_some_and(|role| self.may_give(role, &row.path))
        });
        touches && !outranked
    }

    /// [`Actor::may_manage`] as an answer: whoever may not even see the person hears that there is none.
    pub fn manage(&self, grants: &[PlacedGrant], now: Millis) -> Result<(), Refusal> {
        if self.may_manage(grants, now) {
            Ok(())
        } else if self.sees(grants, now) {
            Err(Refusal::Forbidden)
        } else {
            Err(Refusal::Unknown("account"))
        }
    }
}
