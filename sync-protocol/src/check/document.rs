//! An identity document's number, read by the rule of its type (R1–R4). Without a known type the
//! number is read by its form: what looks like a resident's number must be a right one, everything
//! else of a plausible form is kept as unverified.

use chrono::NaiveDate;

use super::permit::Form;
use super::resident_id::Holder;
use super::{Checked, Outcome, Passport, Permit, Refused, ResidentId, fold_bounded, reason};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentType {
    ResidentId,
    ResidencePermit,
    ForeignResident,
    HongKongMacauPermit,
    TaiwanPermit,
    Passport,
    /// A birth certificate or anything else without a rule of its own.
    Other,
}

impl DocumentType {
    /// The codes used in kinds. An unknown code is `None`: the number is then read by its form.
    pub fn of(code: &str) -> Option<Self> {
        Some(match code {
            "resident_id" => Self::ResidentId,
            "residence_permit" => Self::ResidencePermit,
            "foreign_resident" => Self::ForeignResident,
            "hk_macau_permit" => Self::HongKongMacauPermit,
            "taiwan_permit" => Self::TaiwanPermit,
            "passport" => Self::Passport,
            "birth_certificate" | "other" => Self::Other,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    Number(ResidentId),
    Permit(Permit),
    Passport(Passport),
    Other(String),
}

impl Document {
    pub fn parse(text: &str, of: Option<DocumentType>, today: Option<NaiveDate>) -> Outcome<Self> {
        match of {
            None => Self::by_form(text, today),
            Some(DocumentType::ResidentId) => Ok(ResidentId::parse(text, today)?.map(Self::Number)),
            Some(DocumentType::ResidencePermit) => {
                Self::eighteen(text, today, Holder::ResidencePermit)
            }
            Some(DocumentType::ForeignResident) => match Permit::parse(text) {
                Ok(permit) if permit.value.form() == Form::ForeignResidentOld => {
                    Ok(permit.map(Self::Permit))
                }
                _ => Self::eighteen(text, today, Holder::ForeignResident),
            },
            Some(DocumentType::HongKongMacauPermit) => Self::permit(text, Form::HongKongMacau),
            Some(DocumentType::TaiwanPermit) => Self::permit(text, Form::Taiwan),
            Some(DocumentType::Passport) => Ok(Passport::parse(text)?.map(Self::Passport)),
            Some(DocumentType::Other) => Self::other(text),
        }
    }

    /// A form that belongs to another holder is odd, not wrong: people hand over what they have.
    fn eighteen(text: &str, today: Option<NaiveDate>, holder: Holder) -> Outcome<Self> {
        let mut checked = ResidentId::parse(text, today)?;
        if checked.value.holder() == holder {
            // The first six are a nationality here, not an area.
            checked
                .warnings
                .retain(|reason| *reason != reason::AREA_UNKNOWN);
        } else {
            checked.warnings.push(reason::UNUSUAL);
        }
        Ok(checked.map(Self::Number))
    }

    fn permit(text: &str, form: Form) -> Outcome<Self> {
        let permit = Permit::parse(text)?;
        if permit.value.form() != form {
            return Err(Refused(reason::FORMAT));
        }
        Ok(permit.map(Self::Permit))
    }

    fn other(text: &str) -> Outcome<Self> {
        let folded = fold_bounded(text)?;
        if folded.chars().any(char::is_control) {
            return Err(Refused(reason::CONTROL));
        }
        Ok(Checked {
            value: Self::Other(folded),
            warnings: vec![reason::UNVERIFIED],
        })
    }

    fn by_form(text: &str, today: Option<NaiveDate>) -> Outcome<Self> {
        let folded = fold_bounded(text)?;
        let first_digits = folded.bytes().take(14).all(|b| b.is_ascii_digit());
        if matches!(folded.len(), 15 | 18) && first_digits {
            return Ok(ResidentId::parse(text, today)?.map(Self::Number));
        }
        if let Ok(permit) = Permit::parse(text) {
            return Ok(permit.map(Self::Permit));
        }
        match Passport::parse(text) {
            Ok(passport) => Ok(passport.map(Self::Passport)),
            Err(_) => Self::other(text),
        }
    }

    pub fn normalised(&self) -> &str {
        match self {
            Self::Number(id) => id.normalised(),
            Self::Permit(permit) => permit.normalised(),
            Self::Passport(passport) => passport.normalised(),
            Self::Other(text) => text,
        }
    }
}
