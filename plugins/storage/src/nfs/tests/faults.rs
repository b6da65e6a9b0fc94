use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

use super::*;

fn pid(ganesha: &Ganesha) -> Pid {
    let Daemon::Child(keeper) = &ganesha.daemon else { panic!("it is no unit") };
    Pid::from_raw(keeper.pid().expect("it runs"))
}

#[test]
fn a_killed_ganesha_comes_again_with_its_exports_and_one_that_is_away_says_so() {
    let test =
        "nfs::tests::faults::a_killed_ganesha_comes_again_with_its_exports_and_one_that_is_away_says_so";
    if !inside(test, &NEEDS) {
        return;
    }
    run(async {
        let mut machine = Machine::start();
        let ganesha = ganesha(&machine).await;
        assert!(matches!(ganesha.exports.list().await, Err(Failure::Away(_))));
        let mut offer = Offer { nfs: true, ..offer(&machine.folder("private")) };
        offer.shares.push(public("public", &machine.folder("public"), READ));
        ganesha.apply(&offer).await.unwrap();
        kill(pid(&ganesha), Signal::SIGKILL).unwrap();
        machine.hear().await;
        assert_ne!(ganesha.state().await, Ok(State::On));
        machine.hear().await;
        cwmp_e2e::eventually("it serves again", || cat("public/there").ok());
        // The bus is the way to it: what does not work there fails, and is made good later.
        machine.bus.kill();
        assert!(ganesha.exports.list().await.is_err());
        assert_eq!(ganesha.state().await, Ok(State::Failed));
    });
}
