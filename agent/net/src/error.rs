//! Everything that can go wrong between the CPE and its ACS.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::url::UrlError;

/// Why a message did not reach the ACS, or no usable answer came back. Each ends the session without success (C19, C22).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// A setting that cannot be used, found when the client is made.
    #[error("the setting `{setting}` cannot be used: {why}")]
    Setting {
        /// Its name in [`ClientSettings`](crate::ClientSettings).
        setting: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate or key file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An https URL, and no trusted certificate to verify the ACS with (C37).
    #[error("no trusted certificate in {files}: the ACS cannot be verified")]
    NoTrust {
        /// The trust stores that were tried, and what is wrong with each.
        files: String,
    },
    /// The host of the ACS has no address.
    #[error("cannot resolve {host}: {why}")]
    Resolve {
        /// The host.
        host: String,
        /// What the resolver says.
        why: String,
    },
    /// No address of the ACS accepts a connection; this is what the last one said.
    #[error("cannot connect to {host} at {address}: {why}")]
    Connect {
        /// The host of the URL.
        host: String,
        /// The address tried last.
        address: SocketAddr,
        /// What happened there.
        why: String,
    },
    /// The TLS handshake failed for another reason than the certificate.
    #[error("no TLS connection with {host}: {why}")]
    Tls {
        /// The host of the URL.
        host: String,
        /// What happened.
        why: String,
    },
    /// The ACS showed a certificate that does not prove that it is the host of the URL (C37).
    #[error("the certificate of {host} is refused: {why}")]
    Certificate {
        /// The host of the URL.
        host: String,
        /// What is wrong with the certificate.
        why: String,
    },
    /// The ACS did not answer in time (C22).
    #[error("no answer within {} s", waited.as_secs_f32())]
    Timeout {
        /// How long it had.
        waited: Duration,
    },
    /// The connection broke after the request left: the reply is lost, and the request must not be sent again (C22).
    #[error("the connection broke before the reply was complete: {why}")]
    Lost {
        /// What happened.
        why: String,
    },
    /// What the ACS sent is not HTTP, or its header is too large.
    #[error("the reply is not usable HTTP: {why}")]
    Malformed {
        /// What is wrong.
        why: String,
    },
    /// The body of the reply is larger than the settings allow.
    #[error("the reply has more than {limit} bytes")]
    TooLarge {
        /// The most bytes accepted.
        limit: usize,
    },
    /// The reply is compressed although we did not ask for that (C26).
    #[error("the reply has the content encoding `{encoding}`, which was not asked for")]
    Encoding {
        /// The encoding.
        encoding: String,
    },
    /// A status other than those that a session goes on with (C19).
    #[error("the ACS answered {status}{}{excerpt}", if excerpt.is_empty() { "" } else { ": " })]
    Status {
        /// The HTTP status.
        status: u16,
        /// The beginning of the body, as text.
        excerpt: String,
        /// `Retry-After`, at most a day: a lower bound of the next try.
        retry_after: Option<Duration>,
    },
    /// The ACS refused our credentials, or challenges again and again (C32).
    #[error("the ACS refused the user name and password ({offered})")]
    Refused {
        /// The last challenge.
        offered: String,
    },
    /// The ACS challenges with a scheme that we do not know.
    #[error("the ACS asks for authentication in no form that this agent knows ({offered})")]
    Challenge {
        /// The challenges.
        offered: String,
    },
    /// The ACS asks for the password in clear, over a connection that is not protected (C27).
    #[error("{host} asks for the password in clear over http; that is refused")]
    BasicOnClear {
        /// The host that asks.
        host: String,
    },
    /// A redirect to something that is no usable URL (C25).
    #[error("the ACS redirects to `{location}`: {why}")]
    Redirect {
        /// The `Location` header.
        location: String,
        /// What is wrong with it.
        why: UrlError,
    },
    /// More consecutive redirects than a session follows (C25).
    #[error("the ACS redirects in circles: more than {limit} times in a row")]
    Redirects {
        /// The most redirects followed.
        limit: u32,
    },
    /// The request cannot be written: a credential or the URL has characters that do not fit in a header.
    #[error("the request cannot be written: {why}")]
    Request {
        /// What does not fit.
        why: String,
    },
}
