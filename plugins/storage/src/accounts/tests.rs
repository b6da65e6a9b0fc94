use proptest::prelude::*;

use super::unix::entries;
use super::*;
use crate::control::tests::{account, share, READ, WRITE};
use crate::plan::{Offer, Permissions};

proptest! {
    #[test]
    fn a_name_that_is_taken_means_nothing_to_any_program(name in any::<String>(), password in any::<String>()) {
        let offer = Offer { accounts: vec![account(&name, &password)], ..Offer::default() };
        if check(&offer).is_ok() {
            let safe = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            prop_assert!(name.chars().all(safe) && !name.starts_with(['-', '.']) && name.len() < 32);
            prop_assert!(!password.is_empty() && !password.contains(['\n', '\r', '\0']));
        }
    }

    #[test]
    fn a_share_that_is_taken_means_nothing_to_any_program(name in "\\PC{1,12}|[-._%$a-z/]{1,8}") {
        let offer = Offer { shares: vec![share(&name, "/x".as_ref(), &[])], ..Offer::default() };
        if check(&offer).is_ok() {
            let safe = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            prop_assert!(name.chars().all(safe) && !name.starts_with(['-', '.']));
        }
    }

    #[test]
    fn a_name_of_the_network_is_one_word(host_name in any::<String>()) {
        let offer = Offer { host_name, ..Offer::default() };
        prop_assert!(check(&offer).is_err() || !offer.host_name.contains(['\n', '%', '[', '=', ' ', '"']));
    }
}

#[test]
fn there_is_a_limit_of_accounts_and_of_shares() {
    let accounts = |count: usize| (0..count).map(|i| account(&format!("user{i}"), "x")).collect();
    let offer = |accounts| Offer { accounts, ..Offer::default() };
    check(&offer(accounts(name::MAX_ACCOUNTS))).unwrap();
    check(&offer(accounts(name::MAX_ACCOUNTS + 1))).unwrap_err();
    let shares = |count: usize| (0..count).map(|i| share(&format!("s{i}"), "/x".as_ref(), &[])).collect();
    let offer = |shares| Offer { shares, ..Offer::default() };
    check(&offer(shares(name::MAX_SHARES))).unwrap();
    check(&offer(shares(name::MAX_SHARES + 1))).unwrap_err();
}

#[test]
fn what_is_said_of_an_account_counts_before_what_is_said_of_all() {
    let mut share = share("x", "/x".as_ref(), &[("alice", READ), ("bob", Permissions::default())]);
    share.accounts = WRITE;
    let rights = |share: &_| ["alice", "bob", "carol"].map(|name| of_account(share, name));
    assert_eq!(rights(&share), [Right::Read, Right::Nothing, Right::Write]);
    // Nobody needs to say who he is to be a guest.
    share.guests = READ;
    assert_eq!(rights(&share), [Right::Read, Right::Read, Right::Write]);
    // By FTP nobody is a guest, and not what the network lets guests do counts.
    let rights = |share: &_| ["alice", "bob", "carol"].map(|name| by_ftp(share, name));
    assert_eq!(rights(&share), [Right::Read, Right::Nothing, Right::Write]);
    (share.guests, share.ftp) = (Permissions::default(), READ);
    assert_eq!(rights(&share), [Right::Read, Right::Read, Right::Write]);
}

#[test]
fn the_first_line_of_a_name_counts_and_a_broken_one_does_not() {
    let text = "a:x:5:6:about:/:/bin/sh\na:x:0:0:::\nb:x:1\nc:x:y:1:::\n";
    let all = entries(text);
    assert_eq!(all.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!((all["a"].ids, all["a"].about.as_str()), (Ids { user: 5, group: 6 }, "about"));
}
