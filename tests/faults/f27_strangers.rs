//! F27: something between phone and server answers in its place.

use std::time::Duration;

use sync_protocol::replica::Heard;

use crate::oracle::Turn;
use crate::proxy::{Fault, Proxy};
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);
const HTML: &str = "text/html; charset=utf-8";

/// What hotels, firewalls and proxies write.
fn pages() -> Vec<Vec<u8>> {
    let page = Fault::page;
    vec![
        page("200 OK", HTML, "<html>请先登录 Please sign in</html>"),
        page("200 OK", "application/json", r#"{"status":"ok"}"#),
        page(
            "200 OK",
            "application/json",
            r#"{"protocol":2,"ack":999999}"#,
        ),
        page("200 OK", "application/json", r#"{"protocol":1,"#),
        page("200 OK", "application/json", "null"),
        page("200 OK", "application/json", ""),
        page("204 No Content", HTML, ""),
        page("302 Found", HTML, "<a href=/login>moved</a>"),
        page("401 Unauthorized", HTML, "<h1>401</h1>"),
        page("403 Forbidden", HTML, "<h1>blocked by policy</h1>"),
        page("404 Not Found", HTML, "<h1>404</h1>"),
        page("407 Proxy Authentication Required", HTML, "<h1>407</h1>"),
        page("413 Request Entity Too Large", HTML, "<h1>413</h1>"),
        page("500 Internal Server Error", HTML, "<h1>500</h1>"),
        page("502 Bad Gateway", HTML, "<h1>502</h1>"),
        page("503 Service Unavailable", HTML, "<h1>503</h1>"),
        page("504 Gateway Timeout", HTML, "<h1>504</h1>"),
    ]
}

#[test]
fn f27_a_page_that_is_not_the_servers_acknowledges_nothing() {
    let mut chance = seed("F27");
    let mut site = Site::build(1);
    let mut process = site.start();
    process.ready();
    let proxy = Proxy::to(&site.address());
    let mut oracle = site.oracle(&proxy.address, &chance);
    oracle.fresh = true;
    oracle.capture(1);
    assert!(oracle.settle(REST));
    let (mut injected, mut survived) = (0, 0);
    for _ in 0..scaled(2, 200) {
        for page in pages() {
            let shown = String::from_utf8_lossy(&page).into_owned();
            // The server hears of every second one.
            proxy.next([if chance.percent(50) {
                Fault::Instead(page)
            } else {
                Fault::Replaced(page)
            }]);
            let count = 1 + chance.below(4);
            oracle.capture(count);
            let before = oracle.replica.numbers().1;
            oracle.replica.hurry();
            let turn = oracle.turn();
            injected += 1;
            assert!(
                matches!(turn, Turn::Heard(Heard::NoReply, Some(_))),
                "{turn:?} to {shown}"
            );
            assert_eq!(
                oracle.replica.numbers().1,
                before,
                "acknowledged by {shown}"
            );
            assert!(oracle.settle(REST), "stuck after {shown}");
            survived += 1;
        }
    }
    process.kill();
    let found = site.reckon();
    found.print("F27 strangers' pages", injected, survived, "");
    found.is_sound();
    assert_eq!(oracle.seen.forks, 0);
}
