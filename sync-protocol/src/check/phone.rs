//! R5: telephone numbers: mainland mobiles, mainland landlines, foreign numbers with `+`. Mobile
//! prefixes come and go, so one that is not assigned yet is a warning. No number is ever dialled.

use super::{Checked, Outcome, Refused, fold_bounded, reason};

/// Assigned when this was written; a number outside is stored and flagged.
const ASSIGNED: &str = "130 131 132 133 134 135 136 137 138 139 144 145 146 147 148 149 150 151 152 153 155 156 157 158 159 \
     162 165 166 167 170 171 172 173 174 175 176 177 178 180 181 182 183 184 185 186 187 188 189 \
     190 191 192 193 195 196 197 198 199";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Mobile,
    Landline,
    Foreign,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    text: String,
    form: Form,
}

impl Phone {
    pub fn parse(text: &str) -> Outcome<Self> {
        let folded = fold_bounded(text)?;
        let bare: String = folded
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '‐' | '‑' | '–' | '(' | ')'))
            .collect();
        let digits = bare.strip_prefix('+').unwrap_or(&bare);
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Refused(reason::FORMAT));
        }
        let national = ["+86", "0086"]
            .iter()
            .find_map(|prefix| bare.strip_prefix(prefix))
            .or_else(|| bare.strip_prefix("86").filter(|rest| rest.len() == 11));
        match national {
            Some(rest) => mainland(rest).or_else(|| mainland(&trunk(rest)?)),
            None if bare.starts_with('+') => foreign(&bare),
            None => mainland(&bare),
        }
        .ok_or(Refused(reason::FORMAT))
    }

    pub fn normalised(&self) -> &str {
        &self.text
    }

    pub fn form(&self) -> Form {
        self.form
    }
}

/// A landline after the country code stands without its leading zero. Area codes begin with 10 or
/// with 2 to 9: anything else is a mistyped mobile.
fn trunk(rest: &str) -> Option<String> {
    (rest.starts_with("10") || !rest.starts_with(['0', '1'])).then(|| format!("0{rest}"))
}

fn mainland(digits: &str) -> Option<Checked<Phone>> {
    let bytes = digits.as_bytes();
    let form = match (bytes.len(), bytes.first()?, bytes.get(1)?) {
        (11, b'1', b'3'..=b'9') => Form::Mobile,
        (10..=12, b'0', _) => Form::Landline,
        _ => return None,
    };
    let mut checked = Checked::plain(Phone {
        text: digits.to_owned(),
        form,
    });
    if form == Form::Mobile
        && !ASSIGNED
            .split_whitespace()
            .any(|prefix| digits.starts_with(prefix))
    {
        checked.warnings.push(reason::PREFIX_UNASSIGNED);
    }
    Some(checked)
}

fn foreign(bare: &str) -> Option<Checked<Phone>> {
    let digits = bare.strip_prefix('+')?;
    ((7..=15).contains(&digits.len()) && !digits.starts_with('0')).then(|| {
        Checked::plain(Phone {
            text: bare.to_owned(),
            form: Form::Foreign,
        })
    })
}
