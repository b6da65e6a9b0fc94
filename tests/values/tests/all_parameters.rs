//! Every parameter of the standard's models takes the values it should, and refuses the others with the right fault.

use std::path::Path;

use cwmp_model::facets::Giver;
use cwmp_model::schema::{Declaration, NodeFlags, NodeId, Schema};
use cwmp_model::standard::{Library, Parameter};
use cwmp_model::{Facets, FaultCode};
use cwmp_test_values::{bad, good};

/// How many values of each sort, beside enumerations and edges.
const VALUES: usize = 50;

/// A parameter in a schema of its own.
struct Case {
    path: String,
    parameter: Parameter,
    facets: Facets,
    schema: Schema,
    id: NodeId,
    seed: u64,
}

/// Calls `check` for each of the 7210 + 519 + 849 + 350 + 126 parameters, as if it could be set.
fn for_every_parameter(mut check: impl FnMut(&Case)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../agent/model/models");
    let library = Library::open(&folder).unwrap();
    let mut seed = 0;
    for model in library.models() {
        for object in library.objects(&model).unwrap() {
            let object = object.unwrap();
            for parameter in object.parameters {
                let path = format!("{}{}", object.path, parameter.name);
                let facets = Facets::parse(&parameter.facets).unwrap();
                let (schema, id) = declare(&path, &parameter, NodeFlags::WRITABLE);
                check(&Case { path, parameter, facets, schema, id, seed });
                seed += 1;
            }
        }
    }
    assert_eq!(seed, 7210 + 519 + 849 + 350 + 126);
}

fn declare(path: &str, parameter: &Parameter, flags: NodeFlags) -> (Schema, NodeId) {
    let mut schema = Schema::new();
    let declaration = Declaration { path, kind: Some(parameter.kind), flags, facets: &parameter.facets };
    let id = schema.declare(1, &declaration).unwrap();
    (schema, id)
}

/// C107, C143, C147: enumerations, the edges of ranges and sizes, patterns and lists, from an ACS and from a provider.
#[test]
fn every_parameter_takes_the_values_within_its_facets() {
    for_every_parameter(|case| {
        let (path, kind, facets) = (&case.path, case.parameter.kind, &case.facets);
        for giver in [Giver::Client, Giver::Device] {
            let values = good(kind, facets, giver, VALUES, case.seed);
            let device_alone = facets.enumeration.is_empty() && !facets.device_only.is_empty();
            let may_be_none = giver == Giver::Client && device_alone && facets.list.is_none();
            assert!(may_be_none || !values.is_empty(), "{path}: no values");
            for value in &values {
                let result = match giver {
                    Giver::Client => case.schema.check_write(case.id, value),
                    Giver::Device => case.schema.check_report(case.id, kind, value).map(|()| value.clone()),
                };
                let taken = result.unwrap_or_else(|e| panic!("{path} ({facets}): '{value}' {e:?}"));
                assert_eq!(taken, *value, "{path}: it is in canonical form");
            }
            for value in facets.enumeration.iter().filter(|_| facets.list.is_none()) {
                assert!(values.contains(value), "{path}: {value} was not tried");
            }
        }
    });
}

/// C107: 9006 for what is no value of the type, 9007 for what breaks a facet; what a provider reports is checked alike.
#[test]
fn every_parameter_refuses_the_values_outside_with_the_right_fault() {
    for_every_parameter(|case| {
        let (path, kind, facets) = (&case.path, case.parameter.kind, &case.facets);
        for giver in [Giver::Client, Giver::Device] {
            let values = bad(kind, facets, giver, VALUES, case.seed);
            assert!(values.len() >= VALUES, "{path}: {} values", values.len());
            for value in values {
                let result = match giver {
                    Giver::Client => case.schema.check_write(case.id, &value.text).map(|_| ()),
                    Giver::Device => case.schema.check_report(case.id, kind, &value.text),
                };
                let text = &value.text;
                let fault = result.err().unwrap_or_else(|| panic!("{path} ({facets}) takes '{text}'"));
                let lie = FaultCode::InternalError;
                let expected = if giver == Giver::Client { value.fault } else { lie };
                assert_eq!(fault.code, expected, "{path} ({facets}): '{text}'");
            }
        }
    });
}

/// C107: 9008 for every parameter that the standard does not let an ACS set, whatever the value.
#[test]
fn every_parameter_that_is_read_only_refuses_a_good_value() {
    let mut seen = 0;
    for_every_parameter(|case| {
        let (schema, id) = declare(&case.path, &case.parameter, case.parameter.flags);
        for value in good(case.parameter.kind, &case.facets, Giver::Client, 1, case.seed) {
            let result = schema.check_write(id, &value);
            if case.parameter.is_writable() {
                assert!(result.is_ok(), "{}: {result:?}", case.path);
            } else {
                assert_eq!(result.unwrap_err().code, FaultCode::NotWritable, "{}", case.path);
                seen += 1;
            }
        }
    });
    assert!(seen > 4566);
}
