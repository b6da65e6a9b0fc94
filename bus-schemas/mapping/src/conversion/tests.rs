use proptest::prelude::*;

use super::*;

struct Nowhere;

impl Surroundings for Nowhere {
    fn row(&self, table: &str, object: &str) -> Option<String> {
        (object == "/modem/1").then(|| table.replace("{i}.", "7"))
    }

    fn object(&self, _: &str, row: &str) -> Option<String> {
        row.ends_with(".7").then(|| "/modem/1".to_owned())
    }

    fn posix_tz(&self, zone: &str) -> Result<String, String> {
        Err(format!("no {zone}"))
    }

    fn zone(&self, posix_tz: &str) -> Result<String, String> {
        Err(format!("no {posix_tz}"))
    }
}

const fn one(kind: ValueType) -> Target {
    Target { kind, list: false }
}

const LIST: Target = Target { kind: ValueType::String, list: true };

fn forth(conversion: &Conversion, raw: &Raw, to: Target) -> Result<String, String> {
    conversion.to_text(raw, to, &Nowhere).map_err(|e| e.to_string())
}

fn back(conversion: &Conversion, text: &str, to: Target, of: &str) -> Result<Raw, String> {
    conversion.from_text(text, to, &Type::parse(of).unwrap(), &Nowhere).map_err(|e| e.to_string())
}

fn values(pairs: &[(&str, &str)]) -> Conversion {
    let values = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Conversion { values: Some(values), ..Conversion::default() }
}

fn named(named: Named) -> Conversion {
    Conversion { named: Some(named), ..Conversion::default() }
}

#[test]
fn an_enumeration_goes_both_ways_and_says_what_it_does_not_have() {
    let mut map = values(&[("11", "Up"), ("-1", "Error")]);
    assert_eq!(forth(&map, &Raw::Int(-1), one(ValueType::String)), Ok("Error".into()));
    assert_eq!(back(&map, "Up", one(ValueType::String), "u"), Ok(Raw::Int(11)));
    assert!(forth(&map, &Raw::Int(5), one(ValueType::String)).unwrap_err().contains("'5'"));
    assert!(back(&map, "Down", one(ValueType::String), "i").unwrap_err().contains("Error, Up"));
    map.otherwise = Some("Unknown".into());
    assert_eq!(forth(&map, &Raw::Int(5), one(ValueType::String)), Ok("Unknown".into()));
}

#[test]
fn bits_are_a_list_or_the_highest_of_them() {
    let bits = vec![(4, vec!["GPRS".to_owned(), "UMTS".to_owned()]), (8, vec!["LTE".to_owned()])];
    let bits = Conversion { bits: Some(bits), otherwise: Some(String::new()), ..Conversion::default() };
    assert_eq!(forth(&bits, &Raw::Int(12), LIST), Ok("GPRS,UMTS,LTE".into()));
    assert_eq!(forth(&bits, &Raw::Int(12), one(ValueType::String)), Ok("LTE".into()));
    assert_eq!(forth(&bits, &Raw::Int(3), LIST), Ok(String::new()));
    assert_eq!(back(&bits, "UMTS, GPRS,LTE", LIST, "u"), Ok(Raw::Int(12)));
    assert!(back(&bits, "NR", LIST, "u").unwrap_err().contains("'NR'"));
}

#[test]
fn numbers_are_scaled_and_rounded() {
    let scale = |multiply, divide, add| Conversion {
        scale: Some(Scale { multiply, divide, add }),
        ..Conversion::default()
    };
    assert_eq!(forth(&scale(1, 1000, 0), &Raw::Int(1500), one(ValueType::UnsignedInt)), Ok("2".into()));
    assert_eq!(forth(&scale(1, 1000, 0), &Raw::Int(-1500), one(ValueType::Int)), Ok("-2".into()));
    assert_eq!(forth(&scale(1, 1, -100), &Raw::Double(35.4), one(ValueType::Int)), Ok("-65".into()));
    assert_eq!(back(&scale(1, 1000, 0), "2", one(ValueType::UnsignedInt), "t"), Ok(Raw::Int(2000)));
    assert!(back(&scale(1, 1000, 0), "70", one(ValueType::UnsignedInt), "q").is_err());
    assert!(forth(&scale(1, 1, 0), &Raw::Double(f64::NAN), one(ValueType::Int)).is_err());
    // A negative number is no unsigned one.
    assert!(forth(&scale(1, 1, 0), &Raw::Int(-1), one(ValueType::UnsignedInt)).is_err());
}

/// C143: items of a list are escaped, and the empty list is the empty text.
#[test]
fn lists_are_joined_and_split() {
    let plain = Conversion::default();
    let items = Raw::List(vec![Raw::Text("a,b".into()), Raw::Text(" 5% ".into())]);
    assert_eq!(forth(&plain, &items, LIST), Ok("a%2Cb,%205%25%20".into()));
    assert_eq!(back(&plain, "a%2Cb, %205%25%20", LIST, "as"), Ok(items));
    assert_eq!(forth(&plain, &Raw::List(vec![]), LIST), Ok(String::new()));
    assert_eq!(back(&plain, "", LIST, "as"), Ok(Raw::List(vec![])));
    let many = Raw::List(vec![Raw::Int(1); MAX_ITEMS + 1]);
    assert!(forth(&plain, &many, LIST).is_err());
    assert!(forth(&plain, &Raw::Text("x".repeat(MAX_TEXT + 1)), one(ValueType::String)).is_err());
}

/// C142: moments in UTC; what a service does not know is the Unknown Time.
#[test]
fn moments_addresses_and_bytes_have_their_forms() {
    let micros = named(Named::UnixMicros);
    assert_eq!(
        forth(&micros, &Raw::Int(1_700_000_000_999_999), one(ValueType::DateTime)),
        Ok("2023-11-14T22:13:20Z".into())
    );
    assert_eq!(
        back(&micros, "2023-11-14T22:13:20Z", one(ValueType::DateTime), "t"),
        Ok(Raw::Int(1_700_000_000_000_000))
    );
    for unknown in [Raw::Int(0), Raw::Large(u64::MAX)] {
        assert_eq!(forth(&micros, &unknown, one(ValueType::DateTime)), Ok(date_time::UNKNOWN.into()));
    }
    let poll = named(Named::Log2Micros);
    assert_eq!(forth(&poll, &Raw::Int(32_000_000), one(ValueType::UnsignedInt)), Ok("5".into()));
    assert_eq!(back(&poll, "5", one(ValueType::UnsignedInt), "t"), Ok(Raw::Int(32_000_000)));
    assert!(forth(&poll, &Raw::Int(0), one(ValueType::UnsignedInt)).is_err());
    assert!(back(&poll, "200", one(ValueType::UnsignedInt), "t").is_err());
    let mac = named(Named::Mac);
    let bytes = Raw::Bytes(vec![0, 0x1a, 2, 3, 4, 0xff]);
    assert_eq!(forth(&mac, &bytes, one(ValueType::String)), Ok("00:1A:02:03:04:FF".into()));
    assert_eq!(back(&mac, "00:1a:02:03:04:ff", one(ValueType::String), "ay"), Ok(bytes));
    let ip = named(Named::Ip);
    assert_eq!(forth(&ip, &Raw::Bytes(vec![10, 0, 0, 1]), one(ValueType::String)), Ok("10.0.0.1".into()));
    let plain = Conversion::default();
    assert_eq!(forth(&plain, &Raw::Bytes(vec![1, 0xab]), one(ValueType::HexBinary)), Ok("01AB".into()));
    assert_eq!(forth(&plain, &Raw::Bytes(b"hello".to_vec()), one(ValueType::Base64)), Ok("aGVsbG8=".into()));
    assert_eq!(back(&plain, "aGVsbG8=", one(ValueType::Base64), "ay"), Ok(Raw::Bytes(b"hello".to_vec())));
    assert_eq!(
        forth(&named(Named::Utf8), &Raw::Bytes(b"net\0x".to_vec()), one(ValueType::String)),
        Ok("net".into())
    );
}

/// C144: a reference is the row without its dot, and empty when there is none.
#[test]
fn an_object_path_is_a_row_and_a_dangling_one_is_empty() {
    let row = Conversion { row_of: Some("Device.X.{i}.".into()), ..Conversion::default() };
    let text = one(ValueType::String);
    assert_eq!(forth(&row, &Raw::Path("/modem/1".into()), text), Ok("Device.X.7".into()));
    assert_eq!(forth(&row, &Raw::Path("/gone".into()), text), Ok(String::new()));
    assert_eq!(forth(&row, &Raw::Path("/".into()), text), Ok(String::new()));
    assert_eq!(back(&row, "Device.X.7", text, "o"), Ok(Raw::Path("/modem/1".into())));
    assert_eq!(back(&row, "", text, "o"), Ok(Raw::Path("/".into())));
    assert!(back(&row, "Device.X.8", text, "o").is_err());
}

#[test]
fn a_wrong_type_is_told() {
    let plain = Conversion::default();
    assert!(forth(&plain, &Raw::Text("yes".into()), one(ValueType::Boolean))
        .unwrap_err()
        .contains("a text, not boolean"));
    assert!(forth(&plain, &Raw::Dict(vec![]), one(ValueType::String)).is_err());
    assert!(forth(&plain, &Raw::Int(1 << 40), one(ValueType::UnsignedInt)).is_err());
    assert!(back(&plain, "x", one(ValueType::String), "b").unwrap_err().contains("'b'"));
}

proptest! {
    #[test]
    fn bytes_survive_hex_and_base64(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(unhex(&hex(&bytes)), Some(bytes.clone()));
        prop_assert_eq!(unbase64(&base64(&bytes)), Some(bytes));
    }

    #[test]
    fn items_survive_a_list(items in proptest::collection::vec("\\PC{1,8}", 0..6)) {
        let raw = Raw::List(items.iter().cloned().map(Raw::Text).collect());
        // What XML cannot carry, and what is nothing but space, is not a value in the first place.
        if let Ok(text) = forth(&Conversion::default(), &raw, LIST) {
            prop_assert_eq!(back(&Conversion::default(), &text, LIST, "as"), Ok(raw));
        }
    }

    #[test]
    fn what_is_written_reads_back(n in -1_000_000_i64..1_000_000, multiply in 1_i64..1000, add in -100_i64..100) {
        let scale = Conversion { scale: Some(Scale { multiply, divide: 1, add }), ..Conversion::default() };
        let text = forth(&scale, &Raw::Int(n), one(ValueType::Long)).unwrap();
        prop_assert_eq!(back(&scale, &text, one(ValueType::Long), "x"), Ok(Raw::Int(n)));
    }

    #[test]
    fn no_value_makes_a_conversion_panic(n in any::<i64>(), d in any::<f64>(), text in "\\PC{0,12}", divide in 1_i64..9) {
        let scale = Conversion { scale: Some(Scale { multiply: i64::MAX, divide, add: i64::MIN }), ..Conversion::default() };
        for conversion in [Conversion::default(), scale, named(Named::Mac), named(Named::Ip), named(Named::UnixMillis), named(Named::Log2Micros)] {
            for kind in ValueType::ALL {
                for raw in [Raw::Int(n), Raw::Double(d), Raw::Text(text.clone())] {
                    let _ = forth(&conversion, &raw, one(kind));
                }
                for of in ["y", "t", "d", "s", "ay", "as", "b"] {
                    let _ = back(&conversion, &text, one(kind), of);
                }
            }
        }
    }
}
