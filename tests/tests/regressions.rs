//! Disagreements that random histories have found, cut down to what a person can read. Each ran red once.

use vpcd_tests::examples::Line::{Change, Left, Send, Wait};
use vpcd_tests::examples::{ALL, Example, Line, Scene, run};
use vpcd_tests::harness::{Alone, Setup};
use vpcd_tests::model::world::Target::{Eigw, Eni, Igw, Local, Nat};
use vpcd_tests::model::world::Vpc;

fn both(scene: Scene, lines: Vec<Line>) {
    let example = Example { id: "regression", scene, lines };
    let setup = Setup { seed: 1, ports_per_slice: 1008, flows_per_destination: 55_000 };
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

// A later fragment, sent through a NAT gateway that its first had not come through, was given a port that nobody saw.
#[test]
fn a_later_fragment_begins_no_flow_at_a_gateway() {
    const FIRST: &str = "udp 10.0.0.5:40000 > 203.0.113.5:53 len 2000 piece 0 of 7";
    const LATER: &str = "udp 10.0.0.5:40000 > 203.0.113.5:53 len 2000 piece 1 of 7";
    both(
        Scene::vpc("10.0.0.0/16", None, true, false)
            .subnet("10.0.0.0/24", None, &[("0.0.0.0/0", Igw)])
            .subnet("10.0.1.0/24", None, &[("0.0.0.0/0", Igw)])
            .group(ALL)
            .eni("D", 0, &["10.0.0.5"], &[0])
            .public("10.0.0.5", "198.51.100.1")
            .nat("N", 1, "10.0.1.220", "198.51.100.9"),
        vec![
            Send("D", FIRST, "internet"),
            Change(|w| w.tables[0].routes[1].1 = Nat(0)),
            Send("D", LATER, "natgw/no-binding"),
            Send("D", "udp 10.0.0.5:40000 > 203.0.113.5:53", "internet"),
            Left("udp 198.51.100.9:* > 203.0.113.5:53"),
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

// A way remembered while there was no egress-only flow kept alive the flow that came after it, which it does not pass by.
#[test]
fn an_egress_only_flow_lives_by_its_own_packets_alone() {
    let scene = Scene::vpc("10.0.0.0/16", Some("2001:db8:1234:1a00::/56"), true, true)
        .subnet("10.0.0.0/24", Some("2001:db8:1234:1a00::/64"), &[("::/0", Igw)])
        .subnet("10.0.1.0/24", Some("2001:db8:1234:1a01::/64"), &[("::/0", Eigw)])
        .group(ALL)
        .eni("H", 0, &["2001:db8:1234:1a00::10"], &[0])
        .eni("BOX", 1, &["2001:db8:1234:1a01::20"], &[0])
        .unchecked();
    let inward = "tcp [2001:db8:9::5]:1024 > [2001:db8:1234:1a00::10]:443 syn";
    both(
        scene,
        vec![
            Send("internet", inward, "H"),
            // For H, by the other gateway: a flow of its own.
            Send("BOX", "tcp [2001:db8:1234:1a00::10]:443 > [2001:db8:9::5]:1024 syn", "internet"),
            Wait(50_000),
            Send("internet", inward, "H"),
            Wait(20_000),
            Send("BOX", "tcp [2001:db8:1234:1a00::10]:443 > [2001:db8:9::5]:1024 syn-ack", "eigw/answer-only"),
        ],
    );
}

// Around a hairpin a packet goes along with the flow that it rests on; a remembered way touched it as if it came against it.
#[test]
fn an_answer_from_another_vpc_is_an_answer() {
    let scene = Scene::vpc("10.0.0.0/16", Some("2001:db8:1234:1b00::/56"), true, true)
        .subnet("10.0.0.0/24", Some("2001:db8:1234:1b00::/64"), &[("::/0", Eigw)])
        .subnet("10.2.0.0/24", Some("2001:db8:1234:1c00::/64"), &[("::/0", Igw)])
        .group(ALL)
        .group("in udp 443 ::/0\nout tcp 1 ::/0")
        .eni("A", 0, &["2001:db8:1234:1b00::10"], &[0])
        .eni("H", 1, &["2001:db8:1234:1c00::20"], &[1]);
    let ask = "udp [2001:db8:1234:1b00::10]:65535 > [2001:db8:1234:1c00::20]:443";
    let answer = "udp [2001:db8:1234:1c00::20]:443 > [2001:db8:1234:1b00::10]:65535";
    both(
        scene,
        vec![
            Change(|w| {
                let there = &mut w.subnets[1];
                there.vpc = 1;
                w.tables[there.table].routes.retain(|(_, target)| *target == Igw);
                let block6 = "2001:db8:1234:1c00::/56".parse().ok();
                w.vpcs.push(Vpc {
                    blocks4: vec![there.net4],
                    block6,
                    igw: true,
                    igw_table: None,
                    vgw: None,
                    vgw_table: None,
                    eigw: false,
                });
            }),
            Send("A", ask, "H"),
            Send("H", answer, "A"),
            // All of it is dead but the ways.
            Wait(200_000),
            Send("A", ask, "H"),
            Send("H", answer, "A"),
            Send("A", ask, "H"),
            // A conversation, which lives longer than a question (SG-203).
            Wait(60_000),
            Send("H", answer, "A"),
        ],
    );
}

// The model tracked what a client receives of its own through the gateway; it is the client's sending that is tracked whatever rules say.
#[test]
fn what_comes_back_to_its_sender_through_a_gateway_is_not_the_senders_flow() {
    let scene = Scene::vpc("10.0.0.0/16", None, true, false)
        .subnet("10.0.0.0/24", None, &[("203.0.113.0/24", Eni(0))])
        .subnet("10.0.1.0/24", None, &[("203.0.113.0/24", Nat(0))])
        .group(ALL)
        .group("out all all 0.0.0.0/0")
        .eni("BOX", 1, &["10.0.1.4"], &[0])
        .unchecked()
        .nat("N", 0, "10.0.0.220", "198.51.100.9");
    let packet = "udp 10.0.1.6:1433 > 203.0.113.77:40000";
    both(
        scene,
        vec![
            Send("BOX", packet, "BOX"),
            Left("udp 10.0.0.220:* > 203.0.113.77:40000"),
            Change(|w| w.enis[0].groups = vec![1]),
            Send("BOX", packet, "sg-in/no-rule"),
        ],
    );
}
