//! Whole templates: the examples, cdk's output, and broken ones.

use super::*;

fn read(text: &str) -> Result<Stack, Vec<TemplateError>> {
    load(text, "t.yaml", &BTreeMap::new())
}

#[test]
fn nat_example_is_configuration_two() {
    let stack = read(include_str!("../../../docs/examples/nat.yaml")).unwrap();
    let ports: Vec<(&str, String, Option<String>, String)> = stack
        .ports
        .iter()
        .map(|p| (p.name(), p.private[0].to_string(), p.primary_public().map(|a| a.to_string()), p.ipv6.iter().map(|a| a.to_string()).collect()))
        .collect();
    assert_eq!(
        ports,
        [
            ("Web", "10.0.0.5".into(), Some("198.51.100.1".into()), "2001:db8:1234:1a00::1a".into()),
            ("Db", "10.0.1.5".into(), None, "2001:db8:1234:1a01::5".into()),
            ("Other", "10.0.0.7".into(), None, String::new()),
        ]
    );
    assert_eq!(stack.warnings, []);
    assert_eq!(stack.outputs, [("WebUrl".into(), "http://198.51.100.1/".into()), ("NatSource".into(), "198.51.100.9".into())]);
}
