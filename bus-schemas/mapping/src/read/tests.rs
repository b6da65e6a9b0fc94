use proptest::prelude::*;

use super::*;

const SERVICE: &str =
    "mapping = 1\n[service.a]\nname = \"org.a.B\"\npath = \"/org/a/B\"\ninterface = \"org.a.B\"\n";

/// The problems of a file that begins with a service, in five lines, as `line key: text`.
fn problems(text: &str) -> Vec<String> {
    match Mapping::parse("x.toml", &format!("{SERVICE}{text}")) {
        Ok(_) => Vec::new(),
        Err(MappingError::Wrong { problems, .. }) => {
            problems.iter().map(|p| format!("{} {p}", p.line)).collect()
        }
        Err(other) => panic!("{other}"),
    }
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let all = problems(text);
    assert_eq!(all.len(), expected.len(), "{all:#?}");
    for (problem, part) in all.iter().zip(expected) {
        assert!(problem.contains(part), "{problem}\ndoes not say\n{part}");
    }
}

#[test]
fn a_problem_has_a_file_a_line_a_key_and_what_would_be_right() {
    let text = format!("{SERVICE}[parameter.\"Device.A.B\"]\npropertty = \"X\"\n");
    let error = Mapping::parse("/x/y.toml", &text).unwrap_err().to_string();
    assert!(
        error
            .starts_with("/x/y.toml:7: parameter.\"Device.A.B\": unknown field `propertty`, expected one of"),
        "{error}"
    );
    assert!(error.contains("`property`"), "{error}");
    let error = Mapping::parse("y.toml", "mapping = 1\nservice = [\n").unwrap_err().to_string();
    assert!(error.starts_with("y.toml:"), "{error}");
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    let text = "[parameter.\"Device.A.B\"]\nproperty = \"X\"\nconvert = \"none\"\n\
                [parameter.\"Device.A.C\"]\nproperty = \"X\"\nservice = \"b\"\n";
    refused(
        text,
        &[
            "8 parameter.\"Device.A.B\".convert: there is no 'none'; there is: unix-s, unix-ms, unix-us, posix-tz,",
            "11 parameter.\"Device.A.C\".service: there is no [service.b]; there is: a",
        ],
    );
}

#[test]
fn a_parameter_has_one_source_and_keys_that_fit() {
    refused(
        "[parameter.\"Device.A.B\"]\n",
        &["needs one of property, method, cases, count, constant; has 0"],
    );
    refused("[parameter.\"Device.A.B\"]\nproperty = \"X\"\nmethod = \"Y\"\n", &["has 2"]);
    refused(
        "[parameter.\"Device.A.B\"]\nproperty = \"X\"\nmanager = \"/\"\n",
        &["8 parameter.\"Device.A.B\".manager: is for count"],
    );
    refused("[parameter.\"Device.A.B\"]\nproperty = \"X-Y\"\n", &["'X-Y' is no name of a property"]);
    refused("[parameter.\"Device.A.B\"]\nproperty = \"X\"\ndivide = 0\n", &["must not be 0"]);
    refused(
        "[parameter.\"Device.A.B\"]\nproperty = \"X\"\ndivide = 2\nvalues = { 1 = \"a\" }\n",
        &["one conversion"],
    );
    refused("[parameter.\"Device.A.B\"]\nproperty = \"X\"\notherwise = \"a\"\n", &["is for 'values'"]);
    refused("[parameter.\"Device.A.B\"]\nproperty = \"X\"\nbits = { 0 = \"a\" }\n", &["no mask"]);
    refused("[parameter.\"Device.A.B\"]\ncases = []\n", &["needs an 'otherwise'"]);
    refused("[parameter.\"Device.A.B\"]\nmethod = \"M\"\npushed = true\n", &["is not announced"]);
    refused(
        "[parameter.\"Device.A.B\"]\nmethod = \"M\"\nsignature = \"s\"\n",
        &["there are 0, the signature 's' has 1"],
    );
    refused(
        "[parameter.\"Device.A.B\"]\nmethod = \"M\"\nsignature = \"s\"\narguments = [\"{value}\"]\n",
        &["only there in a write"],
    );
}

#[test]
fn what_is_the_standards_or_the_agents_is_not_said_again() {
    refused(
        "[parameter.\"Device.A.B\"]\nproperty = \"X\"\ntype = \"string\"\n",
        &["the standard's tables say it"],
    );
    refused(
        "[parameter.\"Device.A.B\"]\nproperty = \"X\"\nsecret = true\n",
        &["the standard's tables say it"],
    );
    refused("[parameter.\"Device.A.B\"]\nconstant = \"X\"\n", &["is for a vendor's own"]);
    refused("[parameter.\"Device.X_A.B\"]\nproperty = \"X\"\n", &["needs a 'type'"]);
    refused(
        "[parameter.\"Device.X_A.B\"]\nproperty = \"X\"\ntype = \"text\"\n",
        &["no type; there is: string, int,"],
    );
    refused(
        "[parameter.\"Device.X_A.B\"]\nproperty = \"X\"\ntype = \"int\"\nfacets = \"rnage=1:\"\n",
        &["unknown facet"],
    );
    refused("[parameter.\"Device.A.BNumberOfEntries\"]\nproperty = \"X\"\n", &["served by the agent"]);
    assert_eq!(problems("[parameter.\"Device.X_A.B\"]\nconstant = 7\ntype = \"int\"\n"), [""; 0]);
}

#[test]
fn paths_are_paths() {
    for bad in
        ["Device.", "Device.A.", "Devic.A", "Device..A", "Device.A.{i}", "Device.A.{i}.{i}.B", "Device.{i}.B"]
    {
        let all = problems(&format!("[parameter.\"{bad}\"]\nproperty = \"X\"\n"));
        assert!(!all.is_empty(), "{bad}");
    }
    refused(
        "[parameter.\"Device.A.{i}.B\"]\nproperty = \"X\"\n",
        &["there is no [table.\"Device.A.{i}.\"] around it"],
    );
}

#[test]
fn a_table_says_which_objects_and_by_what_they_are_recognised() {
    let parameter = "[parameter.\"Device.A.{i}.B\"]\nproperty = \"X\"\n";
    let table = |keys: &str| format!("{parameter}[table.\"Device.A.{{i}}.\"]\n{keys}\n");
    refused(&table("key = \"path\""), &["needs one of 'objects'"]);
    refused(&table("objects = \"org.a.B.C\""), &["say by what a row is recognised"]);
    refused(&table("objects = \"C\"\nkey = \"path\""), &["'C' is no interface"]);
    refused(
        &table("object = \"/a\"\nparent = \"P\""),
        &["inside another one", "is for a table of 'objects'"],
    );
    refused(&table("object = \"a\""), &["'a' is no object path"]);
    assert_eq!(problems(&table("object = \"/a\"")), [""; 0]);
    assert_eq!(problems(&table("property = \"Items\"\nkey = \"Name\"")), [""; 0]);
    let where_nothing = "objects = \"org.a.B.C\"\nkey = \"path\"\nwhere = [{ property = \"P\", is = [] }]";
    refused(&table(where_nothing), &["nothing could hold"]);
    let inner = format!("{}[table.\"Device.A.{{i}}.C.{{i}}.\"]\nobject = \"/b\"\n", table("object = \"/a\""));
    assert_eq!(problems(&inner), [""; 0]);
    refused(
        "[table.\"Device.A.{i}.C.{i}.\"]\nobject = \"/b\"\n[parameter.\"Device.B\"]\nproperty = \"X\"\n",
        &["there is no [table.\"Device.A.{i}.\"]"],
    );
    refused(
        &table("object = \"/a\"").replace("property = \"X\"", "property = \"X\"\nwhen_absent = \"x\""),
        &["there are no rows"],
    );
}

#[test]
fn a_write_can_be_turned_round() {
    let parameter = |keys: &str| format!("[parameter.\"Device.A.B\"]\nproperty = \"X\"\n{keys}\n");
    assert_eq!(problems(&parameter("write = true")), [""; 0]);
    refused(&parameter("write = false"), &["leave it out"]);
    refused(&parameter("write = 1"), &["true, or { property"]);
    refused(&parameter("element = [0]\nwrite = true"), &["needs a 'property' or a 'method'"]);
    refused(&parameter("write = { method = \"M\" }"), &["the value is nowhere"]);
    refused(&parameter("write = { method = \"M\", property = \"P\" }"), &["one sets the value"]);
    refused(&parameter("values = { 1 = \"a\", 2 = \"a\" }\nwrite = true"), &["'a' stands for 1 and 2"]);
    let own = "values = { 1 = \"a\", 2 = \"a\" }\nwrite = { property = \"X\", values = { a = 1 } }";
    assert_eq!(problems(&parameter(own)), [""; 0]);
    refused(&parameter("write = { property = \"X\", signature = \"ss\" }"), &["not the type of one value"]);
    refused(&parameter("write = { property = \"X\", sig = \"s\" }"), &["unknown field `sig`"]);
}

#[test]
fn files_have_limits() {
    let many = |what: &str, count: usize, keys: &str| {
        let one = |i| format!("[{what}.\"Device.X_A.P{i}\"]\n{keys}\n");
        (0..count).map(one).collect::<Vec<_>>().concat()
    };
    let constant = "type = \"int\"\nconstant = 1";
    assert_eq!(problems(&many("parameter", MAX_PARAMETERS, constant)), [""; 0]);
    refused(&many("parameter", MAX_PARAMETERS + 1, constant), &["at most 4096"]);
    refused(&many("service", MAX_SERVICES, "name = \"a.b\""), &["at most 32"]);
    refused(&many("table", MAX_TABLES + 1, "object = \"/\""), &["at most 128"]);
    refused("[parameter.\"Device.X_A.B\"]\ntype = \"int\"\nconstant = 1\n[service.b]\nname = \"a.b\"\ntimeout_ms = 0\n", &["1 to 10000"]);
    refused("[parameter.\"Device.X_A.B\"]\ntype = \"int\"\nconstant = 1\n[service.b]\nname = \"a.b\"\ntimeout_ms = 10001\n", &["1 to 10000"]);
    let large = " ".repeat(usize::try_from(MAX_FILE).unwrap() + 1);
    assert!(matches!(Mapping::parse("x", &large), Err(MappingError::TooLarge(_))));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.toml");
    assert!(matches!(Mapping::load(&file), Err(MappingError::Read { .. })));
    std::fs::write(&file, large).unwrap();
    assert!(matches!(Mapping::load(&file), Err(MappingError::TooLarge(_))));
    refused("", &["nothing is served"]);
    let old = Mapping::parse("x", "mapping = 2\n").unwrap_err().to_string();
    assert!(old.contains("x:1: mapping: is the version of the format, which is 1"), "{old}");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        let _ = Mapping::parse("x", &text);
    }

    #[test]
    fn no_value_of_a_key_makes_the_reader_panic(
        key in prop::sample::select(vec![
            "service", "object", "interface", "via", "property", "fallback", "method", "signature", "arguments", "cases", "count",
            "element", "values", "bits", "otherwise", "multiply", "convert", "row_of", "when_absent", "pushed", "write",
            "type", "facets",
        ]),
        value in prop::sample::select(vec![
            "true", "0", "-1", "''", "'x'", "[]", "['{value}']", "{}", "{ a = 1 }", "[{ property = 'P', is = 1, value = 2 }]",
            "{ method = 'M', signature = 's', arguments = ['{object}{value}'] }", "1.5", "'/'", "9223372036854775807",
        ]),
    ) {
        let text = format!("{SERVICE}[parameter.\"Device.X_A.B\"]\ntype = 'string'\nproperty = 'P'\n{key} = {value}\n");
        if let Err(MappingError::Wrong { problems, .. }) = Mapping::parse("x", &text) {
            prop_assert!(problems.iter().all(|p| p.line >= 1 && !p.text.is_empty()));
        }
    }
}
