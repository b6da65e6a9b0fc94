//! From a host to a TCP connection: every address is tried, a random one first (C49).

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::Shared;
use crate::error::NetError;
use crate::random;
use crate::tls::Tls;
use crate::url::Url;
use crate::wire::Stream;

/// The most addresses of one host that are tried.
pub const MAX_ADDRESSES: usize = 8;

/// Connects to the host of `url`. Gives the stream and our own address on it.
///
/// An address that does not answer costs its connect timeout, then the next one has its turn. A certificate that is
/// refused ends the search: another address of the same host is no better proof.
pub(crate) async fn dial(
    shared: &Shared,
    url: &Url,
    check_dates: bool,
) -> Result<(Stream, IpAddr), NetError> {
    let tls = if url.tls { Some(shared.tls()?) } else { None };
    let addresses = arrange(resolve(shared, url).await?, shared.favourite(url));
    first_of(addresses, shared, url, tls.as_ref(), check_dates).await
}

/// Connects to the first of the addresses that works.
async fn first_of(
    addresses: Vec<SocketAddr>,
    shared: &Shared,
    url: &Url,
    tls: Option<&Tls>,
    check_dates: bool,
) -> Result<(Stream, IpAddr), NetError> {
    let mut last = NetError::Resolve { host: url.host.clone(), why: "it has no address".to_owned() };
    for address in addresses {
        let limit = shared.settings.connect_timeout;
        let tried = timeout(limit, connect(url, address, tls, check_dates)).await.unwrap_or_else(|_| {
            Err(NetError::Connect {
                host: url.host.clone(),
                address,
                why: format!("no answer within {} s", limit.as_secs_f32()),
            })
        });
        match tried {
            Ok((stream, own)) => {
                shared.set_favourite(url, Some(address.ip()));
                return Ok((stream, own));
            }
            Err(error) => {
                tracing::debug!(%address, %error, "this address of the ACS does not work");
                shared.set_favourite(url, None);
                if matches!(error, NetError::Certificate { .. }) {
                    return Err(error);
                }
                last = error;
            }
        }
    }
    Err(last)
}

async fn resolve(shared: &Shared, url: &Url) -> Result<Vec<SocketAddr>, NetError> {
    if let Ok(address) = url.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, url.port)]);
    }
    let failed = |why: String| NetError::Resolve { host: url.host.clone(), why };
    let limit = shared.settings.connect_timeout;
    match timeout(limit, tokio::net::lookup_host((url.host.as_str(), url.port))).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer within {} s", limit.as_secs_f32()))),
    }
}

/// The addresses in the order of trying: shuffled, but the one that worked last comes first; and not too many.
fn arrange(mut addresses: Vec<SocketAddr>, favourite: Option<IpAddr>) -> Vec<SocketAddr> {
    for end in (1..addresses.len()).rev() {
        let other = usize::try_from(random::below(end as u64 + 1)).unwrap_or(end);
        addresses.swap(end, other);
    }
    if let Some(at) = addresses.iter().position(|address| Some(address.ip()) == favourite) {
        addresses.swap(0, at);
    }
    addresses.truncate(MAX_ADDRESSES);
    addresses
}

async fn connect(
    url: &Url,
    address: SocketAddr,
    tls: Option<&Tls>,
    check_dates: bool,
) -> Result<(Stream, IpAddr), NetError> {
    let failed =
        |error: std::io::Error| NetError::Connect { host: url.host.clone(), address, why: error.to_string() };
    let tcp = TcpStream::connect(address).await.map_err(failed)?;
    // A request is written in one piece or in large ones: waiting for more only costs time.
    tcp.set_nodelay(true).map_err(failed)?;
    let own = tcp.local_addr().map_err(failed)?.ip().to_canonical();
    let stream = match tls {
        Some(tls) => Stream::Tls(tls.connect(url, tcp, check_dates).await?),
        None => Stream::Clear(tcp),
    };
    Ok((stream, own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Client, ClientSettings};

    /// C49: a random first choice among all addresses, and affinity to the one that works.
    #[test]
    fn addresses_are_tried_in_random_order_but_the_one_that_worked_comes_first() {
        let all: Vec<SocketAddr> = (1..=4).map(|n| SocketAddr::from(([192, 0, 2, n], 7547))).collect();
        let firsts: std::collections::BTreeSet<SocketAddr> = (0..200)
            .map(|_| {
                let mut addresses = arrange(all.clone(), None);
                let first = addresses[0];
                addresses.sort();
                assert_eq!(addresses, all);
                first
            })
            .collect();
        assert_eq!(firsts.len(), all.len());
        for _ in 0..50 {
            assert_eq!(arrange(all.clone(), Some(all[2].ip()))[0], all[2]);
        }
        assert_eq!(arrange(vec![], None), []);
    }

    #[test]
    fn a_host_has_a_largest_number_of_addresses() {
        let all: Vec<SocketAddr> = (0..=MAX_ADDRESSES)
            .map(|n| SocketAddr::from(([192, 0, 2, u8::try_from(n).unwrap()], 7547)))
            .collect();
        assert_eq!(arrange(all.clone(), None).len(), MAX_ADDRESSES);
        assert_eq!(arrange(all[1..].to_vec(), None).len(), MAX_ADDRESSES);
    }

    /// C49: an address that refuses costs nothing but a try, and the one that works is remembered.
    #[tokio::test]
    async fn the_other_addresses_are_tried_when_one_refuses() {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let client = Client::new(ClientSettings::default()).unwrap();
        let shared = &client.shared;
        let url = Url::parse(&format!("http://acs.example:{port}/")).unwrap();
        let good = SocketAddr::from(([127, 0, 0, 1], port));
        // Loopback addresses on which nobody listens.
        let bad = |n| SocketAddr::from(([127, 0, 0, n], port));
        let (_, own) = first_of(vec![bad(78), bad(79), good], shared, &url, None, true).await.unwrap();
        assert_eq!(own, good.ip());
        assert_eq!(shared.favourite(&url), Some(good.ip()));
        let other = Url::parse("http://acs.example:1/").unwrap();
        assert_eq!(shared.favourite(&other), None);
        let error = first_of(vec![bad(78), bad(79)], shared, &url, None, true).await.err().unwrap();
        assert!(matches!(error, NetError::Connect { address, .. } if address == bad(79)), "{error:?}");
        assert_eq!(shared.favourite(&url), None);
    }
}
