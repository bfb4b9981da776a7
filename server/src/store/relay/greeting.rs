//! The first words of both sides, in which one thing must be changed. Inside TLS a server offers two
//! ways of proving a password: plain SCRAM, and SCRAM bound to the channel. libpq takes the offer of
//! the second for a sign of foul play, because it sees no TLS; and could not do it, because the
//! channel is ours. So that offer is taken out, and plain SCRAM is left: a method that a server has
//! to offer with it. All else passes as it is, and after the first request to authenticate nothing
//! is looked at any more.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::refusal::Refusal;

/// The longest first words that PostgreSQL itself takes from a client.
const LONGEST_STARTUP: usize = 10_000;
/// The longest that libpq takes from a server at this point.
const LONGEST_REQUEST: usize = 2_000;
/// A request to authenticate by one of several methods (SASL).
const SASL: [u8; 4] = [0, 0, 0, 10];
/// How the names of methods end that are bound to the channel.
const BOUND: &[u8] = b"-PLUS";

/// Passes the client's first words, and what the server says up to its request to authenticate.
/// Whatever is not of the expected form is passed on unread: the two may deal with it.
pub(super) async fn pass<C, S>(client: &mut C, server: &mut S) -> Result<(), Refusal>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    match exchange(client, server).await {
        // One of them has gone; the other is told by closing.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        other => other.map_err(|error| Refusal::Closed(error.kind())),
    }
}

async fn exchange<C, S>(client: &mut C, server: &mut S) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut words = vec![0; 4];
    client.read_exact(&mut words).await?;
    read_rest(client, &mut words, 0, LONGEST_STARTUP).await?;
    server.write_all(&words).await?;
    server.flush().await?;
    loop {
        let mut words = vec![0; 5];
        server.read_exact(&mut words).await?;
        match words[0] {
            // It speaks an older version of the protocol, and goes on.
            b'v' => {
                read_rest(server, &mut words, 1, LONGEST_REQUEST).await?;
                client.write_all(&words).await?;
            }
            b'R' => {
                read_rest(server, &mut words, 1, LONGEST_REQUEST).await?;
                return client.write_all(&without_bound(words)).await;
            }
            _ => return client.write_all(&words).await,
        }
    }
}

/// Reads the rest of a message, whose length, itself included, stands in the four bytes at `at`;
/// nothing if that is no length that it may have.
async fn read_rest<R: AsyncRead + Unpin>(
    from: &mut R,
    words: &mut Vec<u8>,
    at: usize,
    longest: usize,
) -> io::Result<()> {
    let length = words[at..]
        .iter()
        .fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    let read = words.len();
    if (read..=longest).contains(&(length + at)) {
        words.resize(length + at, 0);
        from.read_exact(&mut words[read..]).await?;
    }
    Ok(())
}

/// A request to authenticate without the methods that are bound to the channel. One that offers
/// nothing else stays as it is, and libpq refuses it.
fn without_bound(message: Vec<u8>) -> Vec<u8> {
    let Some(names) = message
        .get(5..)
        .and_then(|body| body.strip_prefix(&SASL))
        .and_then(|names| names.strip_suffix(b"\0\0"))
    else {
        return message;
    };
    let left: Vec<&[u8]> = names
        .split(|byte| *byte == 0)
        .filter(|name| !name.ends_with(BOUND))
        .collect();
    if left.is_empty() {
        return message;
    }
    let mut body = SASL.to_vec();
    body.extend(left.join(&0));
    body.extend(b"\0\0");
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    let mut changed = vec![b'R'];
    changed.extend(length.to_be_bytes());
    changed.append(&mut body);
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [b"R".as_slice(), &length.to_be_bytes(), body].concat()
    }

    #[test]
    fn only_the_offer_that_is_bound_to_the_channel_is_taken_out() {
        let both = request(b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
        let one = request(b"\0\0\0\x0aSCRAM-SHA-256\0\0");
        assert_eq!(without_bound(both), one);
        for kept in [
            one,
            request(b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0\0"),
            request(b"\0\0\0\x0a\0"),
            request(b"\0\0\0\0"),
            request(b"\0\0\0\x05salt"),
            b"R".to_vec(),
        ] {
            assert_eq!(without_bound(kept.clone()), kept);
        }
    }

    /// What arrives at each side when these words are said.
    fn said(client: &[u8], server: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (mut libpq, mut near) = tokio::io::duplex(100_000);
            let (mut database, mut far) = tokio::io::duplex(100_000);
            libpq.write_all(client).await.unwrap();
            libpq.shutdown().await.unwrap();
            database.write_all(server).await.unwrap();
            database.shutdown().await.unwrap();
            pass(&mut near, &mut far).await.unwrap();
            drop((near, far));
            let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
            database.read_to_end(&mut to_server).await.unwrap();
            libpq.read_to_end(&mut to_client).await.unwrap();
            (to_server, to_client)
        })
    }

    #[test]
    fn both_sides_hear_the_first_words_of_the_other() {
        let startup = b"\0\0\0\x0c\0\x03\0\0user".as_slice();
        let older = b"v\0\0\0\x0c\0\0\0\0\0\0\0\0".as_slice();
        let ok = request(b"\0\0\0\0");
        let (to_server, to_client) = said(startup, &[older, &ok].concat());
        assert_eq!(to_server, startup);
        assert_eq!(to_client, [older, &ok].concat());
    }

    #[test]
    fn what_has_no_proper_form_is_passed_on_and_bounded() {
        let long = [0xff; 64];
        let (to_server, to_client) = said(&long, &[b'E'; 64]);
        // Four and five bytes were read; all that follows is passed without being read here.
        assert_eq!((to_server.len(), to_client.len()), (4, 5));
        let (to_server, to_client) = said(b"\0\0\0\x03", &[b'R', 0xff, 0xff, 0xff, 0xff, 0]);
        assert_eq!((to_server.len(), to_client.len()), (4, 5));
        // A side that goes away in the middle of a word is no fault of the other.
        assert_eq!(said(b"\0\0", b""), (Vec::new(), Vec::new()));
    }
}
