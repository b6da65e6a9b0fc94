//! A plugin that knows what it serves only when it runs.

use cwmp_plugin_sdk::testing::Harness;
use cwmp_plugin_sdk::{declare, Answer, Config, Error, Host, Kind, Name, OwnedNode, Plugin};

/// A plugin whose parameters its configuration names.
pub struct Shelf {
    colours: Vec<String>,
}

declare! {
    Shelf, name: "shelf", base: "Device.X_A.",
    nodes {
        object "";
        param "Count" unsigned_int;
    }
}

impl Plugin for Shelf {
    fn create(_: Host, config: &Config) -> Result<Self, Error> {
        let colours = config.text("colours")?.unwrap_or("").split(' ').map(str::to_owned).collect();
        Ok(Self { colours })
    }

    fn nodes(&self) -> Vec<OwnedNode> {
        let node = |colour: &String| {
            OwnedNode::param(format!("Device.X_A.{colour}"), Kind::String)
                .flags(OwnedNode::PUSHED)
                .facets(format!("enum={colour}"))
        };
        self.colours.iter().map(node).collect()
    }

    fn get(&mut self, names: &[Name<'_>], answer: &mut Answer<'_>) {
        for (i, name) in names.iter().enumerate() {
            match name.relative() {
                "Count" => answer.value(i, u32::try_from(self.colours.len()).unwrap()),
                colour => answer.value(i, colour),
            }
        }
    }
}

#[test]
fn nodes_made_at_run_time_stand_beside_the_declared_ones() {
    let plugin = Harness::new(&PLUGIN, r#"{"colours": "Red Blue"}"#);
    let paths: Vec<_> = plugin.describe().into_iter().map(|n| (n.path, n.flags, n.facets)).collect();
    let expected = [
        ("Device.X_A.", 1, ""),
        ("Device.X_A.Count", 0, ""),
        ("Device.X_A.Red", OwnedNode::PUSHED, "enum=Red"),
        ("Device.X_A.Blue", OwnedNode::PUSHED, "enum=Blue"),
    ];
    assert_eq!(paths, expected.map(|(p, bits, facets)| (p.to_owned(), bits, facets.to_owned())));
    assert_eq!(plugin.get("Device.X_A.Blue"), Ok("Blue".to_owned()));
    assert_eq!(plugin.get("Device.X_A.Count"), Ok("2".to_owned()));
}
