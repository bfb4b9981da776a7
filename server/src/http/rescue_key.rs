//! `/v1/rescue-key`: the public key under which a phone seals a rescue file. Only a server with this
//! installation's keys file opens one.

use actix_web::web;
use serde_json::{Value, json};

use crate::app::App;
use crate::rescue::sealing;

use super::problem::{self, Problem};

pub async fn show(app: web::Data<App>) -> Result<web::Json<Value>, Problem> {
    let opener = sealing::Opener::of(&app.keys)
        .map_err(|error| Problem::new(problem::INTERNAL).caused_by(&error))?;
    Ok(web::Json(json!({ "key": opener.public() })))
}
