//! The ACS is not what a measurement measures.

mod cpe;

use std::time::Instant;

use cpe::spawn;
use cwmp_acs::{Acs, Options, ValueType};
use cwmp_proto::{Context, Limits, ParameterValues};

/// Values of an answer of about 1.5 MB.
const VALUES: usize = 9000;

#[test]
fn an_answer_of_a_megabyte_and_a_half_is_read_and_checked() {
    let acs = Acs::start(Options::default());
    let cpe = spawn(&acs, |cpe| {
        let inform = cpe.inform(&["2 PERIODIC"]);
        cpe.post(&inform);
        let mut request = cpe.post(b"");
        loop {
            if request.body.is_empty() {
                return cpe.close();
            }
            let id = cwmp_proto::read(&request.body, Limits::default()).unwrap().header.id.unwrap();
            let context = Context { namespace: 2, id: &id };
            let mut values = ParameterValues::begin(context, VALUES, 60 * VALUES);
            for n in 0..VALUES {
                let name = format!("Device.Hosts.Host.{n}.WANStats.X_EXAMPLE_BytesReceived");
                values.push(&name, ValueType::UnsignedLong, "1234567890");
            }
            request = cpe.post(&values.finish());
        }
    });
    let mut session = acs.session();
    session.ready();
    let start = Instant::now();
    for _ in 0..3 {
        let values = session.get(&["Device."]).unwrap();
        assert_eq!(values.len(), VALUES);
    }
    println!("{:?} for each answer", start.elapsed() / 3);
    let transcript = session.end();
    assert!(transcript.entries[2].body.len() > 1_400_000, "{}", transcript.entries[2].body.len());
    assert!(transcript.to_string().contains("... and 8992 more"));
    cpe.join().unwrap();
}
