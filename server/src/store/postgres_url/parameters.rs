//! What stands after the `?`: each name once and known, and what encryption was asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::encoding::{decode, digits};
use super::{Check, DEFAULT_NAME, Identity, Roots, Security, Target, Tls, refusal};
use crate::store::error::Error;

/// What a URL may say after its `?`.
const PARAMETERS: [&str; 11] = [
    "host",
    "port",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "target_session_attrs",
    "connect_timeout",
    "tcp_user_timeout",
    "application_name",
    "options",
];

/// What stands after the `?`, each name once and known.
pub(super) struct Parameters(BTreeMap<&'static str, String>);

impl Parameters {
    pub(super) fn parse(query: &str) -> Result<Self, Error> {
        let mut found = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| refusal("after the '?' it must have name=value, joined by '&'"))?;
            let name = PARAMETERS
                .into_iter()
                .find(|known| *known == name)
                .ok_or_else(|| {
                    refusal(&format!(
                        "it has a parameter that is not known; those known are {}",
                        PARAMETERS.join(", ")
                    ))
                })?;
            if found.insert(name, decode(value)?).is_some() {
                return Err(refusal(&format!("it says {name} twice")));
            }
        }
        Ok(Self(found))
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    pub(super) fn duration(
        &mut self,
        name: &str,
        unit: u64,
        range: std::ops::RangeInclusive<u64>,
        default: Duration,
    ) -> Result<Duration, Error> {
        let Some(text) = self.take(name) else {
            return Ok(default);
        };
        digits(&text)
            .filter(|number| range.contains(number))
            .map(|number| Duration::from_millis(number * unit))
            .ok_or_else(|| {
                refusal(&format!(
                    "{name} must be a whole number from {} to {}, in {}",
                    range.start(),
                    range.end(),
                    if unit == 1 { "milliseconds" } else { "seconds" }
                ))
            })
    }

    /// Which host to take; by default, as many as there are say.
    pub(super) fn target(&mut self, hosts: usize) -> Result<Target, Error> {
        match self.take("target_session_attrs").as_deref() {
            None => Ok(Target::of(hosts)),
            Some("any") => Ok(Target::Any),
            Some("read-write") => Ok(Target::ReadWrite),
            Some("primary") => Ok(Target::Primary),
            Some(_) => Err(refusal(
                "target_session_attrs must be read-write, primary or any: the server writes",
            )),
        }
    }

    /// What was asked for in encryption; whoever names certificates wants them checked in full.
    pub(super) fn security(&mut self) -> Result<Security, Error> {
        let file = |text: Option<String>| text.filter(|text| !text.is_empty()).map(PathBuf::from);
        let mode = self.take("sslmode");
        let roots = file(self.take("sslrootcert"));
        let identity = match (file(self.take("sslcert")), file(self.take("sslkey"))) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            _ => return Err(refusal("sslcert and sslkey belong together")),
        };
        let check = match (mode.as_deref(), roots) {
            (None, None) if identity.is_none() => return Ok(Security::Unstated),
            (Some("disable"), None) if identity.is_none() => return Ok(Security::Plain),
            (Some("disable"), _) => {
                return Err(refusal(
                    "sslmode=disable does not go with sslrootcert, sslcert or sslkey",
                ));
            }
            (Some("require"), None) => Check::Nothing,
            (Some("require"), Some(_)) => {
                return Err(refusal(
                    "sslmode=require checks no certificate; with sslrootcert write verify-full or verify-ca",
                ));
            }
            (Some("verify-ca"), Some(roots)) if roots != Path::new("system") => {
                Check::Authority(roots)
            }
            (Some("verify-ca"), _) => {
                return Err(refusal(
                    "sslmode=verify-ca takes the file of your own authority as sslrootcert: a public one certifies anybody",
                ));
            }
            (None | Some("verify-full"), roots) => Check::Full(match roots {
                Some(file) if file != Path::new("system") => Roots::File(file),
                _ => Roots::System,
            }),
            (Some("allow" | "prefer"), _) => {
                return Err(refusal(
                    "sslmode=allow and prefer send in the open whatever an attacker wants so; write verify-full, verify-ca, require or disable",
                ));
            }
            (Some(_), _) => {
                return Err(refusal(
                    "sslmode must be verify-full, verify-ca, require or disable",
                ));
            }
        };
        Ok(Security::Tls(Tls { check, identity }))
    }

    pub(super) fn name(&mut self) -> Result<String, Error> {
        let name = self
            .take("application_name")
            .unwrap_or_else(|| DEFAULT_NAME.to_owned());
        let printable = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if name.is_empty() || name.len() > 63 || !printable {
            return Err(refusal(
                "application_name must be 1 to 63 printable characters of ASCII",
            ));
        }
        Ok(name)
    }
}
