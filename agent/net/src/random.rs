//! Numbers and names that nobody can guess.

use std::fmt::Write as _;

/// The random bytes in a name made by [`random_path`].
const PATH_BYTES: usize = 16;

/// `N` random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // On Linux this is getrandom(2), or /dev/urandom on a kernel older than it. Neither fails on a system that has
    // booted, and without either there is no TLS and no answer to a challenge.
    getrandom::getrandom(&mut bytes).expect("the kernel gives random bytes");
    bytes
}

/// `N` random bytes as lower-case hexadecimal digits.
pub fn hex<const N: usize>() -> String {
    to_hex(&bytes::<N>())
}

/// A random number from 0 up to, but without, `limit`; 0 if the limit is 0.
pub fn below(limit: u64) -> u64 {
    // The bias of the remainder is below 2^-32 for every limit that fits in 32 bits, and nothing secret uses this.
    u64::from_le_bytes(bytes()).checked_rem(limit).unwrap_or(0)
}

/// A path for connection requests that is hard to guess: `/` and 32 hexadecimal digits (C173).
pub fn random_path() -> String {
    format!("/{}", hex::<PATH_BYTES>())
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C173: the path is hard to guess and another one each time.
    #[test]
    fn a_path_is_hard_to_guess() {
        let (one, other) = (random_path(), random_path());
        assert_ne!(one, other);
        assert_eq!(one.len(), 33);
        assert!(one.starts_with('/') && one[1..].bytes().all(|b| b.is_ascii_hexdigit()));
    }

    #[test]
    fn a_random_number_stays_below_its_limit() {
        assert_eq!(below(0), 0);
        assert_eq!(below(1), 0);
        let seen: std::collections::BTreeSet<u64> = (0..500).map(|_| below(4)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn hexadecimal_digits_keep_leading_zeros() {
        assert_eq!(to_hex(&[0, 10, 255]), "000aff");
    }
}
