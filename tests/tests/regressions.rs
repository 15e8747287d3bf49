//! Disagreements that random histories have found, cut down to what a person can read. Each ran red once.

use vpcd_tests::examples::Line::{Change, Left, Send, Wait};
use vpcd_tests::examples::{Example, Line, Scene, run};
use vpcd_tests::harness::{Alone, Setup};
use vpcd_tests::model::world::Target::{Eni, Igw, Local, Nat};

const ALL: &str = "in all all 0.0.0.0/0\nin all all ::/0\nout all all 0.0.0.0/0\nout all all ::/0";

fn both(scene: Scene, lines: Vec<Line>) {
    let example = Example { id: "regression", scene, lines };
    let setup = Setup { seed: 1, ports_per_slice: 1008 };
    assert_eq!(run(&example, &mut Alone(setup.model())), Ok(()), "the model");
    for (workers, cache) in [(1, true), (4, true), (1, false)] {
        let got = run(&example, &mut setup.engine(workers, cache));
        assert_eq!(got, Ok(()), "the dataplane with {workers} workers, cache {cache}");
    }
}

/// A gateway route table that sends what is for a NAT gateway to BOX.
fn box_before_the_gateway() -> Scene {
    Scene::vpc("10.0.0.0/16", None, true, false)
        .subnet("10.0.0.0/24", None, &[("0.0.0.0/0", Igw)])
        .subnet("10.0.1.0/24", None, &[("0.0.0.0/0", Nat(0))])
        .group(ALL)
        .group("in tcp 22 203.0.113.0/24\nin tcp 1024-65535 203.0.113.0/24")
        .eni("BOX", 1, &["10.0.1.4"], &[1])
        .unchecked()
        .eni("D", 1, &["10.0.1.5"], &[0])
        .nat("N", 0, "10.0.0.220", "198.51.100.9")
        .gateway_table(&[("10.0.0.0/16", Local), ("10.0.0.0/24", Eni(0))])
}

// The answer's own action was written over the binding's record of its client.
#[test]
fn a_steered_answer_leaves_its_binding_alone() {
    both(
        box_before_the_gateway(),
        vec![
            Send("D", "tcp 10.0.1.5:40000 > 203.0.113.5:443 syn", "internet"),
            Left("tcp 198.51.100.9:* > 203.0.113.5:443"),
            Send("internet", "tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack", "BOX"),
            Send("internet", "tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack", "BOX"),
            Wait(1000),
            Change(|w| w.vpcs[0].igw_table = None),
            Send("internet", "tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack", "D"),
            Left("tcp 203.0.113.5:443 > 10.0.1.5:40000"),
            Send("D", "tcp 10.0.1.5:40000 > 203.0.113.5:443 ack", "internet"),
        ],
    );
}

// What an ENI sends from a NAT gateway's private address was looked after in another place than what it received for it.
#[test]
fn an_answer_from_a_gateways_private_address_finds_its_track() {
    both(
        box_before_the_gateway(),
        vec![
            Send("internet", "tcp 203.0.113.5:1023 > 198.51.100.9:22 syn", "BOX"),
            Send("BOX", "tcp 10.0.0.220:22 > 203.0.113.5:1023 syn-ack", "internet"),
        ],
    );
}

// Talking to one's own public address is neither land nor a hairpin of the ENI.
#[test]
fn an_eni_may_talk_to_its_own_public_address() {
    both(
        Scene::vpc("10.0.0.0/16", None, true, false)
            .subnet("10.0.0.0/24", None, &[("0.0.0.0/0", Igw)])
            .group(ALL)
            .eni("A", 0, &["10.0.0.4"], &[0])
            .public("10.0.0.4", "198.51.100.1"),
        vec![
            Send("A", "tcp 10.0.0.4:40000 > 198.51.100.1:443 syn", "A"),
            Left("tcp 198.51.100.1:40000 > 10.0.0.4:443"),
        ],
    );
}
