//! `/v1/backups`: which backups are on record, and what phones still keep. No file is named.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::app::App;
use crate::store::acks::Durable;
use crate::store::backups::{self, BackupRow};

use super::auth::Console;
use super::problem::Problem;

pub async fn list(console: Console, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    let (rows, oldest) = app
        .read::<_, Problem>(move |c| {
            console.enter(c, now)?;
            Ok((backups::all(c)?, backups::oldest_confirmed(c)?))
        })
        .await?;
    let durable = match app.durable() {
        Durable::Local => "local",
        Durable::Backup => "backup",
    };
    let mut shown = json!({
        "durable": durable,
        "rows": rows.iter().map(render).collect::<Vec<_>>(),
    });
    if let Some(newest) = rows.first() {
        shown["age"] = json!((now - newest.at) / 1000);
    }
    if let Some(oldest) = oldest {
        shown["oldest"] = json!(oldest.id);
    }
    Ok(HttpResponse::Ok().json(shown))
}

fn render(row: &BackupRow) -> Value {
    let mut shown = json!({ "backup": row.id, "at": row.at, "bytes": row.bytes });
    if let Some(at) = row.confirmed_at {
        shown["confirmed_at"] = json!(at);
    }
    shown
}
