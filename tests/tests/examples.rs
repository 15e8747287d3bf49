//! The worked examples of the rules, on the model and on the dataplane.

use vpcd_tests::examples::{self, Example, run};
use vpcd_tests::harness::{Alone, Check, Done, Setup, System, replay};
use vpcd_tests::history::{Input, Step};
use vpcd_tests::model::{Kind, World};

fn both(example: Example) {
    let setup = Setup { seed: 1, ports_per_slice: 1008, flows_per_destination: 55_000 };
    let model = run(&example, &mut Alone(setup.model()));
    assert_eq!(model, Ok(()), "the model");
    for (workers, cache) in [(1, true), (4, true), (1, false)] {
        let got = run(&example, &mut setup.engine(workers, cache));
        assert_eq!(got, Ok(()), "the dataplane with {workers} workers, cache {cache}");
    }
}

// covers: NACL-101
#[test]
fn default_nacl() {
    both(examples::nacl_101());
}

// covers: NACL-102 NACL-26
#[test]
fn default_nacl_of_both_families() {
    both(examples::nacl_102());
}

// covers: NACL-103 NACL-20 NACL-21 NACL-22 NACL-23 NACL-24 NACL-27
#[test]
fn custom_nacl() {
    both(examples::nacl_103());
}

// covers: NACL-104
#[test]
fn custom_nacl_of_both_families() {
    both(examples::nacl_104());
}

// covers: NACL-105 SG-02 SG-52
#[test]
fn nacl_and_groups_inside_a_subnet() {
    both(examples::nacl_105());
}

// covers: NACL-106
#[test]
fn numbers_decide() {
    both(examples::nacl_106());
}

// covers: SG-43
#[test]
fn default_group() {
    both(examples::sg_101());
}

// covers: SG-102 SG-35 SG-50
#[test]
fn web_servers_and_databases() {
    both(examples::sg_102());
}

// covers: SG-103 SG-41
#[test]
fn stateful_ping() {
    both(examples::sg_103());
}

// covers: SG-105
#[test]
fn membership_is_dynamic() {
    both(examples::sg_105());
}

// covers: SG-201
#[test]
fn tracked_flows_outlive_their_rule() {
    both(examples::sg_201());
}

// covers: SG-202
#[test]
fn untracked_flows_do_not() {
    both(examples::sg_202());
}

// covers: SG-203 SG-204
#[test]
fn idle_limits() {
    both(examples::sg_203());
}

// covers: A-03-5 RT-04 RT-42 RT-49
#[test]
fn families_route_alone() {
    both(examples::a_03_5());
}

// covers: A-03-4 ENI-08 RT-61 RT-91 RT-95 RT-96 RT-98
#[test]
fn middlebox_on_the_internet_gateway() {
    both(examples::a_03_4());
}

// covers: A-03-14 RT-40 RT-48
#[test]
fn blackholes_do_not_fall_through() {
    both(examples::a_03_14());
}

// covers: IGW-A1 IGW-05 IGW-06 IGW-07 IGW-25 IGW-26
#[test]
fn one_to_one() {
    both(examples::igw_a1());
}

// covers: IGW-24 SG-207
#[test]
fn hairpin() {
    both(examples::igw_24());
}

// covers: EIGW-A2 EIGW-06 EIGW-07 EIGW-10 EIGW-11
#[test]
fn egress_only() {
    both(examples::eigw_a2());
}

// covers: NAT-A1 NAT-21 NAT-24 NAT-30 NAT-37 NAT-75
#[test]
fn nat_base_path() {
    both(examples::nat_a1());
}

// covers: NAT-22
#[test]
fn each_of_six_nacls_drops_where_it_stands() {
    both(examples::nat_22());
}

// covers: NAT-A2 NAT-23
#[test]
fn nat_with_nacls() {
    both(examples::nat_a2());
}

// covers: NAT-A6 NAT-28
#[test]
fn nat_is_silent() {
    both(examples::nat_a6());
}

// covers: NAT-A7 NAT-29
#[test]
fn nat_is_one_hop() {
    both(examples::nat_a7());
}

// covers: NAT-A8 NAT-41 NAT-42 NAT-43
#[test]
fn nat_idle_timeout() {
    both(examples::nat_a8());
}

// covers: NATI-A1 NATI-01 NATI-07 NATI-08
#[test]
fn nat_instance() {
    both(examples::nati_a1());
}

#[test]
fn recommended_acls() {
    let of_the_guide = [examples::nacl_111(), examples::nacl_112(), examples::nacl_113(), examples::nacl_114()];
    of_the_guide.into_iter().chain([examples::nacl_115(), examples::nacl_120()]).for_each(both);
    let beside_a_vpn = [examples::nacl_116(), examples::nacl_117(), examples::nacl_118(), examples::nacl_119()];
    beside_a_vpn.into_iter().for_each(both);
}

#[test]
fn ports_of_clients() {
    let ranges = [examples::nacl_40(), examples::nacl_41(), examples::nacl_42(), examples::nacl_43()];
    ranges.into_iter().chain([examples::nacl_44(), examples::nacl_46()]).for_each(both);
}

#[test]
fn acls_in_motion() {
    both(examples::nacl_09());
    both(examples::nacl_204());
    both(examples::nacl_207());
    both(examples::nacl_208());
    both(examples::nothing_allowed());
}

#[test]
fn groups_and_what_they_remember() {
    let rules = [examples::sg_06(), examples::sg_16(), examples::sg_38(), examples::sg_51(), examples::sg_65()];
    rules.into_iter().chain([examples::sg_205(), examples::sg_212(), examples::sg_213()]).for_each(both);
}

#[test]
fn which_table_and_who_owns_it() {
    let tables = [examples::rt_02(), examples::rt_41(), examples::rt_70(), examples::rt_93(), examples::s_03_2()];
    tables.into_iter().chain([examples::s_03_3(), examples::s_03_11(), examples::s_03_15()]).for_each(both);
}

#[test]
fn gateway_route_tables() {
    let steered = [examples::rt_56(), examples::rt_58(), examples::rt_59(), examples::rt_60(), examples::rt_90()];
    steered.into_iter().chain([examples::rt_92(), examples::a_03_10()]).for_each(both);
}

#[test]
fn who_reaches_the_internet() {
    let tables = [examples::igw_11(), examples::igw_13(), examples::nat_16(), examples::nat_17(), examples::a_03_2()];
    tables.into_iter().chain([examples::eigw_08()]).for_each(both);
}

#[test]
fn the_network_behind_a_virtual_private_gateway() {
    let ways = [examples::rt_73(), examples::eip_10(), examples::nat_27(), examples::nat_80_back()];
    ways.into_iter().chain([examples::steered_from_the_remote_network()]).for_each(both);
}

#[test]
fn what_a_nat_gateway_carries() {
    let carried = [examples::nat_32(), examples::nat_38(), examples::nat_39(), examples::nat_40(), examples::nat_74()];
    carried.into_iter().for_each(both);
    let ends = [examples::nat_76(), examples::nat_77(), examples::nat_78(), examples::nat_80(), examples::nat_81()];
    ends.into_iter().for_each(both);
}

#[test]
fn elastic_ips_take_everything_and_move() {
    [examples::igw_21(), examples::eip_23(), examples::eip_a2()].into_iter().for_each(both);
}

/// 200 packets within a second that die at a NAT gateway, of five flows.
fn dying() -> (World, Vec<Input>) {
    let frame = |n: u64| {
        let text = format!("udp 10.0.1.5:{} > 203.0.113.5:33434 ttl 1", 40_000 + n % 5);
        let bytes = examples::packet(&text).expect("a packet in words");
        Input { seq: n, ts: 1_000_000_000_000 + n * 5_000_000, port: 2, bytes }
    };
    (examples::nat_a7().scene.world, (0..200).map(frame).collect())
}

#[test]
fn errors_beyond_the_pace_are_kept_and_the_model_agrees() {
    let setup = Setup { seed: 1, ports_per_slice: 1008, flows_per_destination: 55_000 };
    let (world, frames) = dying();
    let steps = [Step::Publish(Box::new(world.clone())), Step::Frames(frames.clone())];
    assert!(replay(setup, &steps).is_ok());
    let mut engine = setup.engine(1, true);
    engine.publish(&world);
    let replies = engine.run(&frames).iter().filter(|d| d.outcome.kind == Kind::Reply).count();
    // From one shard, if all five flows are of one, to five.
    assert!((8 + 15..=5 * (8 + 16)).contains(&replies), "{replies}");
}

/// A dataplane that says nothing.
struct Mute<S>(S);

impl<S: System> System for Mute<S> {
    fn publish(&mut self, next: &World) {
        self.0.publish(next);
    }
    fn run(&mut self, frames: &[Input]) -> Vec<Done> {
        let mut done = self.0.run(frames);
        for d in done.iter_mut().filter(|d| d.outcome.kind == Kind::Reply) {
            (d.outcome.kind, d.outcome.out) = (Kind::Drop, Vec::new());
        }
        done
    }
    fn finish(&mut self) -> Vec<Done> {
        self.0.finish()
    }
}

#[test]
fn the_model_does_not_let_the_first_error_be_kept() {
    let setup = Setup { seed: 1, ports_per_slice: 1008, flows_per_destination: 55_000 };
    let (world, frames) = dying();
    let (mut mute, mut check) = (Mute(setup.engine(1, true)), Check::new(setup.model()));
    mute.publish(&world);
    check.model.set_world(world);
    let Err(what) = check.frames(&frames[..1], mute.run(&frames[..1])) else { panic!("it did") };
    assert!(what.why.contains("was told little"), "{}", what.why);
}
