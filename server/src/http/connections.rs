//! The server over real connections, with callers and handlers that misbehave.

use super::body::{self, Limits, NDJSON};
use super::route::{Route, get, post};
use super::tests::app;
use super::*;
use crate::clock::BUILD;
use actix_web::{HttpRequest, HttpResponse};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

const QUICK: Limits = Limits {
    grace: Duration::from_millis(300),
    total: Duration::from_millis(900),
    least_rate: 100,
    ..body::LIMITS
};

async fn count(
    request: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
) -> Result<String, Problem> {
    let body = body::read(
        &request,
        payload.into_inner(),
        &[NDJSON],
        &QUICK,
        &app.bodies,
    )
    .await?;
    Ok(body.len().to_string())
}

async fn arrived(request: HttpRequest) -> String {
    frame::Arrived::of(&request).unwrap().to_string()
}

/// More than the buffers of both ends hold.
const LARGE: usize = 16 * 1024 * 1024;

async fn large() -> HttpResponse {
    HttpResponse::Ok().body(vec![b'x'; LARGE])
}

async fn fail() -> HttpResponse {
    panic!("Zhang Wei, 13800000000")
}

async fn fail_in_the_store(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    app.write::<(), crate::store::Error>(|_| {
        Err(crate::store::Error::Corrupt("on purpose".to_owned()))
    })
    .await?;
    Ok(HttpResponse::Ok().finish())
}

const TABLE: &[Route] = &[
    post("/count", "Counts bytes", |r| r.to(count)),
    get("/arrived", "Tells the time", |r| r.to(arrived)),
    get("/large", "Says a lot", |r| r.to(large)),
    get("/fail", "Panics", |r| r.to(fail)),
    get("/fail_in_the_store", "Fails", |r| r.to(fail_in_the_store)),
    get("/healthz", "Lives", |r| r.to(health::alive)),
];

/// A server on a real port; it ends with its thread.
fn start(app: &Arc<App>, table: &'static [Route]) -> (SocketAddr, actix_web::dev::ServerHandle) {
    let (tell, told) = std::sync::mpsc::channel();
    let app = Arc::clone(app);
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let (server, address) = bind_to(&app, table).unwrap();
            tell.send((address, server.handle())).unwrap();
            server.await.unwrap();
        });
    });
    told.recv().unwrap()
}

/// Sends bytes as they are and reads until the server closes or falls silent.
fn exchange(address: SocketAddr, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(1500)))
        .unwrap();
    stream.write_all(sent).unwrap();
    let mut reply = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(size @ 1..) = stream.read(&mut buffer) {
        reply.extend_from_slice(&buffer[..size]);
    }
    String::from_utf8(reply).unwrap()
}

fn is_fine(address: SocketAddr) -> bool {
    exchange(
        address,
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .starts_with("HTTP/1.1 200")
}

#[test]
fn a_panic_is_a_problem_with_a_number_and_the_worker_lives_on() {
    let app = app();
    let (address, _server) = start(&app, TABLE);
    for _ in 0..3 {
        let reply = exchange(
            address,
            b"GET /fail HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        );
        assert!(reply.starts_with("HTTP/1.1 500"), "{reply}");
        assert!(
            reply.contains("\"code\":\"internal\"") && reply.contains("\"request\":\""),
            "{reply}"
        );
        assert!(
            reply
                .to_lowercase()
                .contains("x-content-type-options: nosniff"),
            "{reply}"
        );
        assert!(!reply.contains("Zhang"), "{reply}");
    }
    assert!(is_fine(address));
    assert!(app.metrics.render().contains("kadian_panics_total 3"));
}

#[test]
fn a_fault_of_the_store_tells_nothing_but_its_number() {
    let (address, _server) = start(&app(), TABLE);
    let reply = exchange(
        address,
        b"GET /fail_in_the_store HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert!(
        reply.starts_with("HTTP/1.1 500") && !reply.contains("on purpose"),
        "{reply}"
    );
    assert!(reply.contains("\"request\":\""), "{reply}");
}

#[test]
fn a_body_that_trickles_is_cut_off_and_others_are_served_meanwhile() {
    let (address, _server) = start(&app(), TABLE);
    let head = "POST /count HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 5000\r\n\r\n";
    let slow: Vec<_> = (0..20)
        .map(|_| {
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(head.as_bytes()).unwrap();
                let started = Instant::now();
                let mut reply = String::new();
                stream
                    .set_read_timeout(Some(Duration::from_millis(50)))
                    .unwrap();
                let mut buffer = [0; 2048];
                while started.elapsed() < Duration::from_secs(8) {
                    let _ = stream.write_all(b"x");
                    match stream.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(size) => reply.push_str(&String::from_utf8_lossy(&buffer[..size])),
                        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
                        Err(_) => {}
                    }
                }
                (reply, started.elapsed())
            })
        })
        .collect();
    assert!(is_fine(address));
    for thread in slow {
        let (reply, took) = thread.join().unwrap();
        assert!(reply.starts_with("HTTP/1.1 408"), "{reply}");
        assert!(reply.contains("body_slow"), "{reply}");
        assert!(
            took < PARTING + Duration::from_secs(3),
            "the connection was held for {took:?}"
        );
    }
    assert!(is_fine(address));
}

#[test]
fn a_caller_that_does_not_read_is_cut_off() {
    let (address, _server) = start(&app(), TABLE);
    let open = |path: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream
    };
    let eager = io::copy(&mut open("/large"), &mut io::sink()).unwrap();
    assert!(eager > LARGE as u64, "whoever reads gets all of it");
    let mut lazy = open("/large");
    // What the system waits for, and its probes of a window that stays shut.
    std::thread::sleep(Duration::from_secs(28));
    let mut got = 0;
    let mut buffer = [0; 64 * 1024];
    while let Ok(size @ 1..) = lazy.read(&mut buffer) {
        got += size;
    }
    assert!(got < LARGE, "{got} bytes were still sent");
    assert!(is_fine(address));
}

#[test]
fn lengths_that_lie_and_smuggled_requests_come_to_nothing() {
    let app = app();
    let (address, _server) = start(&app, TABLE);
    let post = |headers: &str, body: &str| {
        format!(
            "POST /count HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n{headers}\r\n{body}"
        )
    };
    let cases = [
        ("whole", post("Content-Length: 5\r\n", "12345"), "200"),
        (
            "chunked",
            post("Transfer-Encoding: chunked\r\n", "5\r\n12345\r\n0\r\n\r\n"),
            "200",
        ),
        ("never comes", post("Content-Length: 9\r\n", "12345"), "408"),
        (
            "chunks without end",
            post("Transfer-Encoding: chunked\r\n", "5\r\n12345\r\n"),
            "408",
        ),
        (
            "announced too large",
            post("Content-Length: 99999999\r\n", "12345"),
            "413",
        ),
        ("no length", post("Content-Length: x\r\n", "12345"), "400"),
        ("negative", post("Content-Length: -5\r\n", "12345"), "400"),
        (
            "two lengths",
            post("Content-Length: 5\r\nContent-Length: 6\r\n", "12345"),
            "400",
        ),
        (
            "both ways",
            post(
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\n",
            ),
            "400",
        ),
        (
            "a wrong chunk",
            post("Transfer-Encoding: chunked\r\n", "zz\r\n12345\r\n"),
            "400",
        ),
        ("no body", post("", ""), "400"),
    ];
    for (what, request, status) in cases {
        let reply = exchange(address, request.as_bytes());
        assert!(
            reply.starts_with(&format!("HTTP/1.1 {status}")),
            "{what}: {reply}"
        );
        assert_eq!(reply.matches("HTTP/1.1").count(), 1, "{what}: {reply}");
    }
    assert!(is_fine(address));
    assert_eq!(app.bodies.taken(), 0);
}

#[test]
fn a_head_that_never_ends_is_cut_off() {
    let (address, _server) = start(&app(), TABLE);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHo").unwrap();
    stream
        .set_read_timeout(Some(HEAD_TIMEOUT + PARTING + Duration::from_secs(4)))
        .unwrap();
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    assert!(
        String::from_utf8_lossy(&reply).starts_with("HTTP/1.1 408"),
        "{reply:?}"
    );
}

#[test]
fn a_server_that_is_told_to_stop_ends_what_is_under_way() {
    let app = app();
    let (address, server) = start(&app, TABLE);
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 4\r\n\r\n12")
        .unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let stopping =
        std::thread::spawn(move || actix_web::rt::System::new().block_on(server.stop(true)));
    std::thread::sleep(Duration::from_millis(50));
    stream.write_all(b"34").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(
        reply.starts_with("HTTP/1.1 200") && reply.ends_with('4'),
        "{reply}"
    );
    stopping.join().unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn the_time_of_arrival_is_the_clock_of_the_server() {
    let (address, _server) = start(&app(), TABLE);
    let reply = exchange(
        address,
        b"GET /arrived HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert!(reply.ends_with(&BUILD.to_string()), "{reply}");
}
