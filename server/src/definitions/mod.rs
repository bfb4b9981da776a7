//! The definitions that an installation goes by: its kinds and its policy. A new version is a
//! document, compared with the one before, and holds from the transaction that takes it.

pub mod kinds;
pub mod policies;

use sync_protocol::kind::{Fault, KindErrors, KindsError};

use crate::store;
use crate::sync::combiner::Failed;

/// Why a document was not taken. Nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum NotAdded {
    /// It is not sound, or does not follow on the one before.
    #[error("{}", list(.0))]
    Faults(Vec<Fault>),
    /// The database could not.
    #[error(transparent)]
    Failed(#[from] Failed),
}

impl From<store::Error> for NotAdded {
    fn from(error: store::Error) -> Self {
        Self::Failed(Failed::Store(error))
    }
}

impl From<KindErrors> for NotAdded {
    fn from(errors: KindErrors) -> Self {
        Self::Faults(errors.0)
    }
}

impl From<KindsError> for NotAdded {
    fn from(error: KindsError) -> Self {
        let fault = |path: &str, message: String| Fault {
            path: path.to_owned(),
            message,
        };
        Self::Faults(match error {
            KindsError::Definition(errors) => errors.0,
            KindsError::Shifted { refusals, .. } => refusals
                .iter()
                .map(|one| fault(&one.path, format!("{}; {}", one.reason, one.advice)))
                .collect(),
            other => vec![fault("", other.to_string())],
        })
    }
}

fn list(faults: &[Fault]) -> String {
    let lines = faults.iter().map(|fault| match fault.path.as_str() {
        "" => fault.message.clone(),
        path => format!("{path}: {}", fault.message),
    });
    lines.collect::<Vec<_>>().join("\n")
}
