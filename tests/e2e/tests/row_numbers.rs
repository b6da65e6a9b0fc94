//! Numbers of rows that a provider knows by keys: given once, for ever, and found again.

use cwmp_bus::{names, BusError};
use cwmp_e2e::native::{Native, Serve};
use cwmp_e2e::Device;
use cwmp_model::FaultCode;

const TABLE: &str = "Device.X_T.Host.";

struct Hosts;

impl Serve for Hosts {
    fn nodes(&self) -> Vec<(String, u8, u32, String)> {
        vec![
            ("Device.X_T.Host.{i}.".to_owned(), 0, 3, String::new()),
            ("Device.X_T.Host.{i}.Name".to_owned(), 1, 0, String::new()),
        ]
    }
}

fn device() -> (Device, Native) {
    let device = Device::builder().manifest("hosts", "name = 'hosts'\nroots = ['Device.X_T.']\n").start();
    let provider = provider(&device);
    (device, provider)
}

fn provider(device: &Device) -> Native {
    device.client();
    let (native, announced) = Native::start(device.bus.address(), "hosts", Hosts);
    announced.unwrap();
    device.ready("hosts");
    native
}

fn allocate(provider: &Native, keys: &[&str]) -> Vec<u32> {
    provider.ask(names::REGISTRY, "Allocate", &(TABLE, keys)).unwrap()
}

fn keys(provider: &Native, numbers: &[u32]) -> Vec<String> {
    provider.ask(names::REGISTRY, "Keys", &(TABLE, numbers)).unwrap()
}

#[test]
fn a_key_and_its_number_find_each_other_also_after_a_restart_of_the_agent() {
    let (mut device, first) = device();
    assert_eq!(allocate(&first, &["mac-a", "mac-b"]), [1, 2]);
    assert_eq!(allocate(&first, &["mac-c", "mac-a"]), [3, 1]);
    assert_eq!(keys(&first, &[2, 9, 1]), ["mac-b", "", "mac-a"]);
    assert_eq!(keys(&first, &[]), [""; 0]);
    drop(first);
    device.restart();
    let again = provider(&device);
    assert_eq!(keys(&again, &[3, 2, 1]), ["mac-c", "mac-b", "mac-a"]);
    assert_eq!(allocate(&again, &["mac-d", "mac-b"]), [4, 2]);
}

#[test]
fn only_a_provider_asks_and_only_for_its_own_tables() {
    let (device, provider) = device();
    let code = |refused: Result<Vec<String>, BusError>| match refused.unwrap_err() {
        BusError::Fault(fault) => fault.code,
        BusError::Busy => panic!("busy"),
    };
    let one: &[u32] = &[1];
    for table in ["Device.X_U.Host.", "Device.X_T.Host", "Device.", ""] {
        let refused = provider.ask(names::REGISTRY, "Keys", &(table, one));
        assert_eq!(code(refused), FaultCode::InvalidParameterName, "{table}");
    }
    let many = vec![1_u32; 16_385];
    assert_eq!(code(provider.ask(names::REGISTRY, "Keys", &(TABLE, many))), FaultCode::InvalidArguments);
    let refused = device.client().call(names::REGISTRY, "Keys", &(TABLE, one));
    assert_eq!(code(refused), FaultCode::RequestDenied);
}
