//! Values that must stand in a list which another parameter holds.

use std::sync::{Arc, Mutex};

use cwmp_e2e::native::{Native, PathFaults, Serve, Values};
use cwmp_e2e::{Client, Device};

const MANIFEST: &str = "name = 'bulk'\nroots = ['Device.BulkData.']\n";
const LIST: &str = "Device.BulkData.Protocols";
const OWN: &str = "Device.BulkData.Profile.1.Protocol";

/// A provider of one profile, and of a list of protocols that it may not tell.
struct Bulk(Arc<Mutex<Option<&'static str>>>);

impl Serve for Bulk {
    fn nodes(&self) -> Vec<(String, u8, u32, String)> {
        let node = |path: &str, kind, flags| (path.to_owned(), kind, flags, String::new());
        vec![
            node("Device.BulkData.", 0, 1),
            node(LIST, 1, 0),
            node("Device.BulkData.Profile.{i}.", 0, 3),
            node("Device.BulkData.Profile.{i}.Protocol", 1, 1 << 2),
        ]
    }

    fn get(&self, paths: &[String]) -> (Values, PathFaults) {
        let list = *self.0.lock().unwrap();
        let (mut values, mut faults) = (Values::new(), PathFaults::new());
        for path in paths.iter().filter(|path| !path.ends_with('.')) {
            match list {
                None if path == LIST => faults.push((path.clone(), 9002, "not now".to_owned())),
                Some(list) if path == LIST => values.push((path.clone(), 1, list.to_owned())),
                _ => values.push((path.clone(), 1, String::new())),
            }
        }
        (values, faults)
    }

    fn instances(&self) -> cwmp_e2e::native::Tables {
        vec![("Device.BulkData.Profile.".to_owned(), vec![(1, String::new(), 0)])]
    }
}

fn code(client: &Client, value: &str) -> Option<u32> {
    let (_, faults) = client.set(&[(OWN, value)]).unwrap();
    faults.first().map(|(_, code, _)| *code)
}

/// C107: what the list does not have is refused; a list that cannot be read refuses nothing.
#[test]
fn a_value_stands_in_the_list_of_its_device() {
    let device = Device::builder().manifest("bulk", MANIFEST).start();
    device.present();
    let list = Arc::new(Mutex::new(Some("Streaming, HTTP")));
    let (_native, announced) = Native::start(device.bus.address(), "bulk", Bulk(Arc::clone(&list)));
    announced.unwrap();
    device.ready("bulk");
    let client = device.client();
    assert_eq!(code(&client, "HTTP"), None);
    assert_eq!(code(&client, "File"), Some(9007));
    *list.lock().unwrap() = None;
    assert_eq!(code(&client, "File"), None);
}
