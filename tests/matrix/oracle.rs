//! What ought to be, said again and independently of the server's code: short enough to be checked
//! by eye against the files of the kinds.

/// Where a caller's grants stand, seen from the place of what they ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Relation {
    Own,
    Parent,
    District,
    Child,
    Sibling,
    OtherCity,
    RanOut,
    Revoked,
    NotYet,
}

pub(crate) const RELATIONS: [Relation; 9] = [
    Relation::Own,
    Relation::Parent,
    Relation::District,
    Relation::Child,
    Relation::Sibling,
    Relation::OtherCity,
    Relation::RanOut,
    Relation::Revoked,
    Relation::NotYet,
];

pub(crate) const ROLES: [&str; 7] = [
    "volunteer",
    "checkpoint_leader",
    "grid_leader",
    "officer",
    "command",
    "auditor",
    "admin",
];

pub(crate) const KINDS: [&str; 3] = ["registration", "household", "visit"];

/// One caller and one kind of target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) role: &'static str,
    pub(crate) relation: Relation,
    pub(crate) kind: &'static str,
}

impl Case {
    /// Holds a grant now that covers the target's place.
    pub(crate) fn covers(self) -> bool {
        matches!(
            self.relation,
            Relation::Own | Relation::Parent | Relation::District
        )
    }

    /// Holds a grant now, somewhere.
    pub(crate) fn is_in_office(self) -> bool {
        !matches!(
            self.relation,
            Relation::RanOut | Relation::Revoked | Relation::NotYet
        )
    }

    fn is_checkpoint(self) -> bool {
        self.kind == "registration"
    }

    /// The role sees records of the kind, of others too.
    pub(crate) fn role_reads(self) -> bool {
        match self.role {
            "officer" | "command" | "auditor" => true,
            "volunteer" | "checkpoint_leader" => self.is_checkpoint(),
            "grid_leader" => !self.is_checkpoint(),
            _ => false,
        }
    }

    pub(crate) fn reads(self) -> bool {
        self.covers() && self.role_reads()
    }

    /// Sees a stranger's telephone whole.
    pub(crate) fn sees_phone(self) -> bool {
        let role = match self.role {
            "officer" => true,
            "checkpoint_leader" => self.is_checkpoint(),
            "grid_leader" => !self.is_checkpoint(),
            _ => false,
        };
        role && self.covers()
    }

    /// Sees the words of a note.
    pub(crate) fn sees_note(self) -> bool {
        let role = match self.role {
            "officer" => true,
            "checkpoint_leader" | "command" => self.is_checkpoint(),
            "grid_leader" => !self.is_checkpoint(),
            _ => false,
        };
        role && self.covers()
    }

    pub(crate) fn role_writes(self) -> bool {
        match self.role {
            "officer" => true,
            "volunteer" | "checkpoint_leader" => self.is_checkpoint(),
            "grid_leader" => !self.is_checkpoint(),
            _ => false,
        }
    }

    pub(crate) fn writes(self) -> bool {
        self.covers() && self.role_writes()
    }

    /// What a phone brings of its own makes after a grant ran out is still taken.
    pub(crate) fn brings(self) -> bool {
        self.writes() || (self.relation == Relation::RanOut && self.role_writes())
    }

    /// Decides where a record of the kind stands.
    pub(crate) fn role_moves(self) -> bool {
        match self.kind {
            "registration" => matches!(self.role, "checkpoint_leader" | "officer"),
            "household" => self.role == "officer",
            _ => false,
        }
    }

    /// Decides about what is kept aside, and closes alerts.
    pub(crate) fn role_resolves(self) -> bool {
        matches!(
            self.role,
            "grid_leader" | "checkpoint_leader" | "officer" | "command"
        )
    }

    pub(crate) fn role_looks_up(self) -> bool {
        self.role_resolves() || self.role == "volunteer"
    }

    /// Within the same district, as far as one who looks somebody up can ask.
    pub(crate) fn shares_district(self) -> bool {
        self.is_in_office() && self.relation != Relation::OtherCity
    }

    /// Sees who works where.
    pub(crate) fn role_lists_people(self) -> bool {
        matches!(
            self.role,
            "admin" | "command" | "officer" | "checkpoint_leader" | "auditor"
        )
    }

    /// May make, and act for, a volunteer.
    pub(crate) fn role_manages_volunteers(self) -> bool {
        matches!(
            self.role,
            "admin" | "command" | "officer" | "checkpoint_leader"
        )
    }
}
