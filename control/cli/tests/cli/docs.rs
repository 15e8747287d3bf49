//! The documented list of stages and reasons is the program's.

use std::collections::BTreeSet;
use vpcd_dataplane::pipeline::{Reason, Stage};

#[test]
fn reasons_md_names_every_stage_and_reason_once() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reasons.md")).unwrap();
    let (stages, reasons) = page.split_once("## Reasons").unwrap();
    let rows = |text: &str| {
        text.lines()
            .filter_map(|l| l.strip_prefix("| `")?.split_once('`'))
            .map(|(n, _)| n.to_owned())
            .collect::<Vec<_>>()
    };
    for (documented, names) in [
        (rows(stages), Stage::ALL.iter().map(|s| s.name()).collect::<Vec<_>>()),
        (rows(reasons), Reason::ALL.iter().map(|r| r.name()).collect()),
    ] {
        let unique: BTreeSet<&str> = documented.iter().map(String::as_str).collect();
        assert_eq!(unique.len(), documented.len(), "a name stands twice");
        assert_eq!(unique, names.into_iter().collect::<BTreeSet<_>>());
    }
}
