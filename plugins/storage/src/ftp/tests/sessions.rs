use proptest::prelude::*;

use super::super::session::{whose, Whose};

#[test]
fn a_title_says_whose_a_session_is() {
    assert_eq!(whose("vsftpd: LISTENER"), Whose::Nobody);
    assert_eq!(whose("/usr/sbin/vsftpd"), Whose::Nobody);
    assert_eq!(whose("vsftpd: 10.0.0.1: connected"), Whose::Unknown);
    assert_eq!(whose("vsftpd: 10.0.0.1/bob: RETR /alice: x"), Whose::Of("bob"));
    assert_eq!(whose("vsftpd: ::ffff:10.0.0.1/bob: IDLE"), Whose::Of("bob"));
    assert_eq!(whose("vsftpd: 10.0.0.1: connected / bob: x"), Whose::Unknown);
}

proptest! {
    #[test]
    fn nothing_that_a_client_does_makes_its_session_anothers(done in any::<String>()) {
        let title = format!("vsftpd: 10.0.0.1/bob: {done}");
        prop_assert_eq!(whose(&title), Whose::Of("bob"));
    }
}
