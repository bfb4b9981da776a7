//! `/v1/enrol`: a phone gets its number, with a code; or, showing its old token and no code, a
//! number of its own after its copies have parted. Repeating a request gives the same number.

use actix_web::{FromRequest as _, HttpRequest, HttpResponse, dev, web};
use serde::Deserialize;
use serde_json::json;

use crate::accounts::codes::Code;
use crate::accounts::enrolment::{self, Enrolled};
use crate::accounts::{Refusal, unhex};
use crate::app::App;
use crate::store::devices::DeviceRow;
use crate::sync::numbering::Marks;
use sync_protocol::mark::Mark;
use sync_protocol::wire::PROTOCOL;

use super::auth::{self, DeviceToken};
use super::body::Json;
use super::problem::Problem;

/// What a phone is called when it does not say.
const NAMELESS: &str = "phone";

#[derive(Deserialize)]
pub struct Enrol {
    code: Option<String>,
    token_hash: String,
    /// With an old token: the last change under it that was acknowledged to the phone…
    #[serde(default)]
    knew: u64,
    /// …and its mark.
    knew_mark: Option<Mark>,
    name: Option<String>,
}

pub async fn enrol(
    request: HttpRequest,
    app: web::Data<App>,
    Json(body): Json<Enrol>,
) -> Result<HttpResponse, Problem> {
    let hash = unhex(&body.token_hash).ok_or(Refusal::Malformed {
        field: "token_hash",
        rule: "SHA-256 of the token's text, as 64 hex digits",
    })?;
    let enrolled = match body.code {
        Some(code) => by_code(&app, &code, hash, body.name).await?,
        None if auth::shows_token(&request) => {
            let token = DeviceToken::from_request(&request, &mut dev::Payload::None).await?;
            by_token(&app, token, hash, (body.knew, body.knew_mark), body.name).await?
        }
        None => {
            return Err(Refusal::Malformed {
                field: "code",
                rule: "required, unless a device shows its old token",
            }
            .into());
        }
    };
    let Enrolled {
        device,
        line,
        account,
        ..
    } = enrolled;
    Ok(HttpResponse::Ok().json(json!({
        "protocol": PROTOCOL,
        "device": device,
        "line": line,
        "user": account,
        "now": app.clock.now(),
    })))
}

async fn by_code(
    app: &App,
    code: &str,
    hash: [u8; 32],
    name: Option<String>,
) -> Result<Enrolled, Problem> {
    let code = Code::parse(code).ok_or(Refusal::CodeUnknown)?;
    let name = name.unwrap_or_else(|| NAMELESS.to_owned());
    let (ledger, now) = (app.ledger.clone(), app.clock.now());
    app.write(move |c| {
        enrolment::enrol(c, &ledger, &code, &hash, &name, now).map_err(Problem::from)
    })
    .await
}

async fn by_token(
    app: &App,
    token: DeviceToken,
    hash: [u8; 32],
    knew: (u64, Option<Mark>),
    name: Option<String>,
) -> Result<Enrolled, Problem> {
    let (ledger, now) = (app.ledger.clone(), app.clock.now());
    app.write(move |c| {
        let (old, _) = token.enter(c)?;
        let knew = shared(&old, knew);
        enrolment::leave_fork(c, &ledger, &old, &hash, knew, name.as_deref(), now)
            .map_err(Problem::from)
    })
    .await
}

/// What a phone knew counts only if the server knows the same: two copies may have used one
/// number for different changes.
fn shared(old: &DeviceRow, (knew, mark): (u64, Option<Mark>)) -> u64 {
    let kept = Marks::from_bytes(&old.marks).and_then(|marks| marks.mark(knew));
    if kept.is_some() && kept == mark {
        knew
    } else {
        0
    }
}
