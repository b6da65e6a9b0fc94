use proptest::prelude::*;

use super::super::share::UserShare;
use crate::accounts::{Ids, MAX_ACCOUNTS};
use crate::plan::{Permissions, Share};

prop_compose! {
    fn any_permissions()(read: bool, write: bool, execute: bool) -> Permissions {
        Permissions { read, write, execute }
    }
}

prop_compose! {
    fn any_share()(
        access in prop::collection::vec((prop::sample::select(vec!["a", "b", "c"]), any_permissions()), 0..4),
        accounts in any_permissions(),
        guests in any_permissions(),
    ) -> Share {
        let access = access.into_iter().map(|(name, permissions)| (name.to_owned(), permissions)).collect();
        Share { name: "x".to_owned(), path: "/x".into(), access, accounts, guests, ftp: Permissions::default() }
    }
}

fn made(share: &Share) -> Option<UserShare> {
    let ids = ["a", "b", "c"].into_iter().zip(900..);
    let ids = ids.map(|(name, user)| (name.to_owned(), Ids { user, group: 900 })).collect();
    UserShare::new(share, &ids, "/place".into())
}

/// As Samba writes it.
fn file(share: &UserShare) -> String {
    let [name, place, comment, acl, guests] = share.arguments();
    format!("#VERSION 2\npath={place}\ncomment={comment}\nusershare_acl={acl}\n{guests}\nsharename={name}\n")
}

/// What an account may do by what the file says: 0, 1 or 2.
fn right(file: &str, who: &str) -> usize {
    let acl = file.lines().find_map(|line| line.strip_prefix("usershare_acl=")).unwrap();
    let of = |who: &str| {
        let entries = acl.split(',').filter_map(|entry| entry.strip_prefix(who)?.strip_prefix(':'));
        entries.map(|letter| ["D", "R", "F"].iter().position(|l| *l == letter).unwrap()).max().unwrap_or(0)
    };
    of(who).max(of("S-1-1-0"))
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(share in any_share()) {
        if let Some(made) = made(&share) {
            prop_assert!(made.is_in(&file(&made)));
        }
    }

    #[test]
    fn in_between_nobody_may_do_more_than_before_or_after(before in any_share(), after in any_share()) {
        let (Some(before), Some(after)) = (made(&before), made(&after)) else { return Ok(()) };
        let both = file(&after.only(&file(&before)));
        for who in ["S-1-22-1-900", "S-1-22-1-901", "S-1-22-1-902", "S-1-1-0"] {
            let (first, last) = (right(&file(&before), who), right(&file(&after), who));
            prop_assert_eq!(right(&both, who), first.min(last), "{}", both);
        }
    }
}

#[test]
fn whoever_may_only_write_may_do_nothing() {
    let mut share = crate::control::tests::share("x", "/x".as_ref(), &[]);
    share.accounts.write = true;
    assert_eq!(made(&share), None);
}

#[test]
fn sessions_are_found_by_the_number_of_their_user() {
    let text = "\nSamba version 4.17\nPID     Username     Group  Machine\n-----\n94      991          988          127.0.0.1 (ipv4:127.0.0.1:60944)\n0:95  992 988 x\n96 garbage\n1 991 988 x\n";
    assert_eq!(super::super::session::of_users(text, &[991]), [94]);
    assert_eq!(super::super::session::of_users(text, &[992, 991]), [94, 95]);
}

#[test]
fn all_accounts_fit_into_what_samba_reads_of_a_share() {
    let ids: std::collections::BTreeMap<_, _> = (0..u32::try_from(MAX_ACCOUNTS).unwrap())
        .map(|i| (format!("user{i}"), Ids { user: 700 + i, group: 900 }))
        .collect();
    let mut share = crate::control::tests::share("x", "/x".as_ref(), &[]);
    share.accounts = crate::control::tests::WRITE;
    let made = UserShare::new(&share, &ids, "/place".into()).unwrap();
    // MAX_USERSHARE_FILE_SIZE of Samba.
    assert!(file(&made).len() < 10 * 1024);
}
