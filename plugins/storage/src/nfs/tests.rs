use std::path::Path;

use super::*;
use crate::control::places;
use crate::control::tests::{inside, offer, run, sh, share, Machine, READ, WRITE};
use crate::plan::{Permissions, Share};

mod faults;

const NEEDS: [&str; 4] = ["ganesha.nfsd", "nfs-cat", "useradd", "unshare"];

async fn ganesha(machine: &Machine) -> Ganesha {
    Ganesha::new(&machine.settings, &machine.connect().await, machine.events.clone())
}

fn public(name: &str, path: &Path, guests: Permissions) -> Share {
    Share { guests, ..share(name, path, &[]) }
}

fn cat(path: &str) -> Result<String, String> {
    sh(&format!("nfs-cat 'nfs://127.0.0.1/{path}?version=4'"))
}

fn put(path: &str) -> Result<String, String> {
    std::fs::write("/run/client", "of a client\n").unwrap();
    sh(&format!("nfs-cp /run/client 'nfs://127.0.0.1/{path}?version=4'"))
}

#[test]
fn everybody_has_what_is_for_everybody_and_nothing_else() {
    if !inside("nfs::tests::everybody_has_what_is_for_everybody_and_nothing_else", &NEEDS) {
        return;
    }
    run(async {
        let machine = Machine::start();
        let ganesha = ganesha(&machine).await;
        assert!(ganesha.is_there());
        let mut offer = Offer { nfs: true, ..offer(&machine.folder("private")) };
        let odd = machine.folder("a name; with \"all\" } of it");
        offer.shares.push(public("odd", &odd, WRITE));
        offer.shares.push(public("readable", &machine.folder("readable"), READ));
        ganesha.apply(&offer).await.unwrap();
        assert_eq!(ganesha.state().await, Ok(State::On));
        assert_eq!(cat("odd/there").as_deref(), Ok("it was there"));
        put("odd/new").unwrap();
        assert_eq!(std::fs::read_to_string(odd.join("new")).unwrap(), "of a client\n");
        assert_eq!(cat("readable/there").as_deref(), Ok("it was there"));
        put("readable/new").unwrap_err();
        assert!(!Path::new("/run/data/readable/new").exists());
        cat("media/there").unwrap_err();
        // Nobody is root: neither who says so nor anybody else.
        assert!(sh("stat -c %U '/run/data/a name; with \"all\" } of it/new'").unwrap() == "cwmp-share");
        // While it runs: one more, one less, one in another way.
        let before = ganesha.daemon.state().await;
        offer.shares.remove(1);
        offer.shares[1].guests = WRITE;
        offer.shares.push(public("more", &machine.folder("more"), READ));
        ganesha.apply(&offer).await.unwrap();
        assert_eq!(ganesha.daemon.state().await, before);
        cat("odd/there").unwrap_err();
        assert_eq!(cat("more/there").as_deref(), Ok("it was there"));
        put("readable/new").unwrap();
        offer.shares[1].guests = READ;
        ganesha.apply(&offer).await.unwrap();
        put("readable/other").unwrap_err();
        offer.nfs = false;
        ganesha.apply(&offer).await.unwrap();
        assert_eq!(ganesha.state().await, Ok(State::Off));
        cat("more/there").unwrap_err();
        assert!(places(&machine.settings.run).is_empty());
    });
}
