//! Beginnings and ends: nothing stays, whatever the end was.

use crate::lab::{Dir, Up, ended, example, isolated, namespaces, nothing_is_left, sh, vpcd};
use std::path::Path;

const ALL: [&str; 5] = ["vpcd-App", "vpcd-Db", "vpcd-Other", "vpcd-Web", "vpcd-internet"];

#[test]
fn signals_end_it_and_nothing_stays() {
    isolated("life::signals_end_it_and_nothing_stays", || {
        for signal in ["INT", "TERM", "HUP"] {
            let up = Up::start(&[&example("nat")]);
            assert!(up.ready.starts_with("ready: 4 instances, 5 ports, seed "), "{}", up.ready);
            assert_eq!(namespaces(), ALL);
            up.signal(signal);
            let (good, said) = up.end();
            assert!(good && said.contains("PORT") && said.contains(" = sent "), "{signal}: {said}");
            nothing_is_left();
        }
    });
}

#[test]
fn ready_for_programs_is_what_check_says() {
    isolated("life::ready_for_programs_is_what_check_says", || {
        let parse = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
        let check = vpcd().args(["check", &example("nat"), "--json"]).output().unwrap();
        let up = Up::start(&[&example("nat"), "--json", "--seed", "7"]);
        assert_eq!(parse(up.ready.as_bytes()), parse(&check.stdout));
        up.signal("INT");
        let (good, said) = up.end();
        let counters = parse(said.as_bytes());
        assert!(good && counters["conservation"]["holds"] == true && counters["seed"] == 7, "{said}");
    });
}

#[test]
fn a_second_one_is_refused_while_the_first_runs() {
    isolated("life::a_second_one_is_refused_while_the_first_runs", || {
        let up = Up::start(&[&example("nat")]);
        let second = ended(vpcd().args(["up", &example("open")]));
        let said = String::from_utf8_lossy(&second.stderr);
        let expected = format!(
            "error: process {} runs vpcd here and has the namespace vpcd-internet: end it first (`kill {0}`)\n",
            up.pid()
        );
        assert_eq!((second.status.code(), said.as_ref()), (Some(1), expected.as_str()));
        assert_eq!(namespaces(), ALL, "the first is untouched");
        up.signal("INT");
        assert!(up.end().0);
        nothing_is_left();
    });
}

#[test]
fn what_a_killed_one_left_is_removed_by_the_next() {
    isolated("life::what_a_killed_one_left_is_removed_by_the_next", || {
        let up = Up::start(&[&example("nat")]);
        let pid = up.pid();
        up.signal("KILL");
        assert!(!up.end().0);
        assert_eq!(namespaces(), ALL);
        assert!(Path::new(&format!("/run/vpcd/claim-{pid}")).exists());
        let up = Up::start(&[&example("open")]);
        assert_eq!(namespaces(), ["vpcd-Host", "vpcd-internet"]);
        up.signal("INT");
        assert!(up.end().0);
        nothing_is_left();
    });
}

#[test]
fn a_namespace_of_somebody_else_is_left_alone() {
    isolated("life::a_namespace_of_somebody_else_is_left_alone", || {
        sh("ip netns add vpcd-Db");
        let out = ended(vpcd().args(["up", &example("nat")]));
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(
            !out.status.success() && said.starts_with("error: a namespace vpcd-Db exists that vpcd did not make"),
            "{said}"
        );
        assert_eq!(namespaces(), ["vpcd-Db"]);
    });
}

#[test]
fn a_start_that_fails_half_way_takes_everything_back() {
    isolated("life::a_start_that_fails_half_way_takes_everything_back", || {
        let dir = Dir::new("half");
        // A file where the recordings should go: that is found out after the namespaces were made.
        let file = dir.text("file");
        std::fs::write(&file, "").unwrap();
        let out = ended(vpcd().args(["up", &example("nat"), "--record", &file]));
        assert!(!out.status.success() && !out.stderr.is_empty());
        nothing_is_left();
    });
}

#[test]
fn a_broken_template_starts_nothing() {
    isolated("life::a_broken_template_starts_nothing", || {
        let dir = Dir::new("broken");
        let file = dir.text("t.yaml");
        std::fs::write(&file, "Resources:\n  A: {Type: AWS::EC2::VPC}\n  B: {Type: AWS::EC2::Nothing}\n").unwrap();
        let out = ended(vpcd().args(["up", &file]));
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(
            said.contains("t.yaml:2:") && said.contains("t.yaml:3:") && said.contains("nothing was started"),
            "{said}"
        );
        nothing_is_left();
    });
}
