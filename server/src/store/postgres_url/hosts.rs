//! The hosts of a URL: names, addresses and Unix sockets, each with a port.

use rustls::pki_types::DnsName;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use super::encoding::{decode, digits};
use super::{Address, Host, refusal};
use crate::store::error::Error;

const DEFAULT_PORT: u16 = 5432;

/// `host` and `port` as parameters are for a Unix socket, whose path a URL has no place for.
pub(super) fn parse_hosts(
    hosts: &str,
    folder: Option<String>,
    port: Option<String>,
) -> Result<Vec<Host>, Error> {
    match folder {
        Some(folder) if hosts.is_empty() && folder.starts_with('/') => {
            let port = port.map_or(Ok(DEFAULT_PORT), |port| parse_port(&port))?;
            Ok(vec![socket(&folder, port)?])
        }
        Some(_) => Err(refusal(
            "the parameter host is the folder of a Unix socket (host=/path), without another host before it",
        )),
        None if port.is_some() => Err(refusal(
            "the parameter port goes with host=/path; elsewhere write host:port",
        )),
        None => hosts.split(',').map(parse_host).collect(),
    }
}

fn parse_host(text: &str) -> Result<Host, Error> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((ip, port)) => {
            let ip: Ipv6Addr = ip
                .parse()
                .map_err(|_| refusal("what stands in [ ] must be an IPv6 address"))?;
            let port = match port.strip_prefix(':') {
                None if port.is_empty() => None,
                Some(port) => Some(port),
                None => return Err(refusal("after [ ] comes :port or nothing")),
            };
            (Ok(Address::Ip(IpAddr::V6(ip))), port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (Err(decode(host)?), Some(port)),
            None => (Err(decode(text)?), None),
        },
    };
    let port = port.map_or(Ok(DEFAULT_PORT), parse_port)?;
    match host {
        Ok(address) => Ok(Host::Tcp { address, port }),
        Err(text) if text.starts_with('/') => socket(&text, port),
        Err(text) => parse_name(&text).map(|address| Host::Tcp { address, port }),
    }
}

fn parse_name(text: &str) -> Result<Address, Error> {
    if text.is_empty() {
        return Err(refusal(
            "it names no host; write postgres://host/database, or ?host=/path for a Unix socket",
        ));
    }
    if let Ok(ip) = text.parse::<Ipv4Addr>() {
        return Ok(Address::Ip(IpAddr::V4(ip)));
    }
    // Four numbers that are no address would be looked up, at last, as a name.
    let numbers = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    match DnsName::try_from(text.to_owned()) {
        Ok(name) if !numbers => Ok(Address::Name(name)),
        _ => Err(refusal(
            "a host is neither a name nor an address; in a user, password or database write / ? # @ : as %2F %3F %23 %40 %3A, and an IPv6 address in [ ]",
        )),
    }
}

fn parse_port(text: &str) -> Result<u16, Error> {
    digits(text)
        .and_then(|number| u16::try_from(number).ok())
        .filter(|port| *port > 0)
        .ok_or_else(|| {
            refusal(
                "a port must be a number from 1 to 65535; in a user, password or database write / ? # @ : as %2F %3F %23 %40 %3A, and an IPv6 address in [ ]",
            )
        })
}

fn socket(folder: &str, port: u16) -> Result<Host, Error> {
    // A comma would part it into two hosts where the hosts are listed for libpq.
    if folder.contains(',') {
        return Err(refusal("the folder of a Unix socket has a comma in it"));
    }
    Ok(Host::Socket {
        folder: PathBuf::from(folder),
        port,
    })
}
