//! `/v1/audit`: who looked at whose data, for those who answer for that.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};
use sync_protocol::id::UserId;

use crate::app::App;
use crate::store::audit::{self, AuditRow};

use super::auth::Console;
use super::paging::{Listed, Page};
use super::problem::Problem;

/// The role that reads it.
pub const AUDITORS: &[&str] = &["auditor"];

pub async fn list(
    console: Console,
    app: web::Data<App>,
    page: web::Query<Page<i64>>,
) -> Result<HttpResponse, Problem> {
    let (now, limit) = (app.clock.now(), page.limit());
    let rows = app
        .read::<_, Problem>(move |c| {
            let (_, reach) = console.enter(c, now)?;
            Ok(audit::list(c, &reach, AUDITORS, page.after, limit)?)
        })
        .await?;
    let listed = Listed::new(rows, limit, |row| row.id);
    Ok(HttpResponse::Ok().json(Listed {
        rows: listed.rows.iter().map(render).collect(),
        next: listed.next,
    }))
}

fn render(row: &AuditRow) -> Value {
    json!({
        "id": row.id,
        "at": row.at,
        "by": UserId(row.account),
        "device": row.device,
        "action": row.action,
        "scope": row.scope,
        "record": row.record,
        "from": row.from_head,
        "to": row.to_head,
        "count": row.count,
        "purpose": row.purpose,
    })
}
