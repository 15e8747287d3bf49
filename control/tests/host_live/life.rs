//! Beginnings, changes and ends of namespaces.

use crate::isolation::{isolated, namespaces, nothing_is_left, sh};
use crate::lab::{Owner, link, sleeps, space};
use std::path::Path;
use std::time::{Duration, Instant};
use vpcd_control::host::{HostError, Lab, Space};

/// Descriptors and threads of this process.
fn held() -> (usize, usize) {
    let count = |dir: &str| std::fs::read_dir(dir).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

#[test]
fn twenty_times_there_and_gone_leaves_nothing() {
    isolated("life::twenty_times_there_and_gone_leaves_nothing", || {
        let mut lab = Lab::new(2).unwrap();
        let _other = lab.add(space("vpcd-i-other", 9)).unwrap();
        let before = held();
        for turn in 0..20 {
            let mut both = space("vpcd-i-0123456789abcdef0", 8);
            both.links.push(link(8, 1, &[]));
            let devices = lab.add(both).unwrap();
            assert_eq!(devices.iter().map(|d| d.port.as_deref().unwrap()).collect::<Vec<_>>(), ["eni-8-0", "eni-8-1"]);
            assert!(devices.iter().all(|d| d.queues.len() == 2));
            assert_eq!(namespaces(), ["vpcd-i-0123456789abcdef0", "vpcd-i-other"]);
            let shown = sh("ip -n vpcd-i-0123456789abcdef0 -o addr; ip -n vpcd-i-0123456789abcdef0 link show eth0");
            for part in ["eth0    inet 10.0.0.8/24", "eth1    inet 10.0.1.8/24", "mtu 9001", "02:00:00:00:00:08"] {
                assert!(shown.contains(part), "{part} is missing in {shown}");
            }
            let routes = sh("ip -n vpcd-i-0123456789abcdef0 route show default");
            assert_eq!(routes.trim(), "default via 10.0.0.1 dev eth0");
            // Its end comes anywhere between the script's first moment and its last.
            lab.run_user_data("vpcd-i-0123456789abcdef0", b"#!/bin/sh\nsleep 7001 &\nsleep 7001 &\n").unwrap();
            std::thread::sleep(Duration::from_micros(500 * turn));
            // With the queues closed before, or while the engine still has them.
            let kept = (turn % 2 == 0).then_some(devices);
            lab.remove("vpcd-i-0123456789abcdef0").unwrap();
            drop(kept);
            assert_eq!(namespaces(), ["vpcd-i-other"]);
            assert!(!sleeps("7001"));
        }
        assert_eq!(held(), before);
        assert!(matches!(lab.remove("vpcd-i-0123456789abcdef0"), Err(HostError::NoNamespace(_))));
        lab.close().unwrap();
        nothing_is_left();
    });
}

#[test]
fn what_fails_half_way_is_taken_back() {
    isolated("life::what_fails_half_way_is_taken_back", || {
        let mut lab = Lab::new(1).unwrap();
        let mut bad = space("vpcd-bad", 6);
        bad.links[0].device = "a-name-of-16-by.".into();
        let failed = lab.add_all(vec![space("vpcd-good", 5), bad]).unwrap_err();
        assert!(matches!(failed, HostError::Device { .. }), "{failed}");
        assert_eq!((namespaces(), lab.spaces().len()), (Vec::new(), 0));
        for name in ["web", "vpcd-", "vpcd-a b", "vpcd-../x", "vpcd-a\nnetns del vpcd-b"] {
            let failed = lab.add(space(name, 5)).unwrap_err();
            assert!(matches!(failed, HostError::Name(_)), "{failed}");
        }
        sh("ip netns add vpcd-foreign");
        assert!(matches!(
            lab.add_all(vec![space("vpcd-good", 5), space("vpcd-foreign", 6)]),
            Err(HostError::Foreign(_))
        ));
        assert_eq!(namespaces(), ["vpcd-foreign"]);
        let _devices = lab.add(space("vpcd-good", 5)).unwrap();
        assert!(matches!(lab.add(space("vpcd-good", 5)), Err(HostError::Taken(_))));
        drop(lab);
        assert_eq!(namespaces(), ["vpcd-foreign"]);
    });
}

#[test]
fn interfaces_come_and_go_and_change() {
    isolated("life::interfaces_come_and_go_and_change", || {
        let mut lab = Lab::new(1).unwrap();
        let _eth0 = lab.add(space("vpcd-a", 5)).unwrap();
        let shown = || {
            let lines = sh(
                "ip -n vpcd-a -o addr show scope global; ip -n vpcd-a route show default; ip -n vpcd-a -6 route show default",
            );
            lines
                .lines()
                .map(|l| l.split_whitespace().skip_while(|w| w.ends_with(':')).take(5).collect::<Vec<_>>().join(" "))
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(), ["eth0 inet 10.0.0.5/24 scope global", "default via 10.0.0.1 dev eth0"]);

        // AttachNetworkInterface and DetachNetworkInterface, by engines that close their queues late or early.
        for early in [false, true, false] {
            let eth1 = lab.add_link("vpcd-a", link(5, 1, &["2001:db8::5/64"])).unwrap();
            assert_eq!((eth1.port.as_deref(), eth1.queues.len()), (Some("eni-5-1"), 1));
            assert_eq!(
                shown(),
                [
                    "eth0 inet 10.0.0.5/24 scope global",
                    "eth1 inet 10.0.1.5/24 scope global",
                    "eth1 inet6 2001:db8::5/64 scope global",
                    "default via 10.0.0.1 dev eth0"
                ]
            );
            assert!(matches!(lab.add_link("vpcd-a", link(5, 1, &[])), Err(HostError::Device { .. })));
            let late = if early { None } else { Some(eth1) };
            lab.remove_link("vpcd-a", "eth1").unwrap();
            assert_eq!(shown().len(), 2);
            drop(late);
        }
        assert!(matches!(lab.remove_link("vpcd-a", "eth1"), Err(HostError::NoDevice { .. })));

        // AssignPrivateIpAddresses and AssignIpv6Addresses, and back.
        lab.reconfigure("vpcd-a", link(5, 0, &["10.0.0.6/24", "2001:db8::5/64"])).unwrap();
        let all = [
            "eth0 inet 10.0.0.5/24 scope global",
            "eth0 inet 10.0.0.6/24 scope global",
            "eth0 inet6 2001:db8::5/64 scope global",
            "default via 10.0.0.1 dev eth0",
            "default via fe80::1 dev eth0",
        ];
        assert_eq!(shown(), all);
        // Whoever is root in there may have done it by hand already, or undone it.
        sh("ip -n vpcd-a addr del 10.0.0.6/24 dev eth0; ip -n vpcd-a route del default");
        lab.reconfigure("vpcd-a", link(5, 0, &["10.0.0.7/24"])).unwrap();
        assert_eq!(
            shown(),
            [
                "eth0 inet 10.0.0.5/24 scope global",
                "eth0 inet 10.0.0.7/24 scope global",
                "default via 10.0.0.1 dev eth0"
            ]
        );
        lab.reconfigure("vpcd-a", link(5, 0, &["10.0.0.6/24", "2001:db8::5/64"])).unwrap();
        // A change that cannot be made has not been made.
        let mut other = link(5, 0, &[]);
        other.routes = vpcd_control::host::Routes::Router { v4: Some([192, 0, 2, 1].into()), v6: false };
        assert!(matches!(lab.reconfigure("vpcd-a", other), Err(HostError::Ip { .. })));
        assert_eq!(shown(), all);
        let mut stranger = link(5, 0, &[]);
        stranger.mac.0[5] = 99;
        assert!(matches!(lab.reconfigure("vpcd-a", stranger), Err(HostError::NoDevice { .. })));
    });
}

#[test]
fn what_a_killed_owner_left_is_removed_by_the_next_claim() {
    isolated("life::what_a_killed_owner_left_is_removed_by_the_next_claim", || {
        let me = std::env::current_exe().unwrap().display().to_string();
        let start = || Owner::start(&[], &me, "vpcd-i-1", "#!/bin/sh\nsleep 7002 &\necho begun\nwait\n");
        let owner = start();
        let pid = owner.pid();
        owner.kill();
        assert_eq!(namespaces(), ["vpcd-i-1"]);
        assert!(sleeps("7002") && Path::new(&format!("/run/vpcd/claim-{pid}")).exists());
        let mut lab = Lab::new(1).unwrap();
        assert_eq!((lab.ended(), namespaces()), ([pid].as_slice(), Vec::new()));
        assert!(!sleeps("7002"));
        // Also while this one runs already.
        let owner = start();
        let second = owner.pid();
        owner.kill();
        let _devices = lab.add(space("vpcd-i-1", 5)).unwrap();
        assert_eq!(lab.ended(), [pid, second]);
        assert!(!sleeps("7002"));
        drop(lab);
        nothing_is_left();
    });
}

#[test]
fn two_owners_share_a_machine_but_no_name() {
    isolated("life::two_owners_share_a_machine_but_no_name", || {
        let me = std::env::current_exe().unwrap().display().to_string();
        let owner = Owner::start(&[], &me, "vpcd-i-1", "");
        let mut lab = Lab::new(1).unwrap();
        let refused = lab.add_all(vec![space("vpcd-i-2", 6), space("vpcd-i-1", 5)]).unwrap_err();
        assert!(
            matches!(&refused, HostError::Running { pid, namespace } if (*pid, namespace.as_str()) == (owner.pid(), "vpcd-i-1")),
            "{refused}"
        );
        let internet = Space::internet("vpcd-serve-internet", ["192.0.2.77".parse().unwrap()]);
        let _devices = lab.add_all(vec![space("vpcd-i-2", 6), internet]).unwrap();
        assert_eq!(namespaces(), ["vpcd-i-1", "vpcd-i-2", "vpcd-serve-internet"]);
        assert!(sh("ip -n vpcd-serve-internet -o addr").contains("eth0    inet 192.0.2.77/32"));
        owner.end();
        assert_eq!(namespaces(), ["vpcd-i-2", "vpcd-serve-internet"]);
        drop(lab);
        nothing_is_left();
    });
}

#[test]
fn a_hundred_at_once() {
    isolated("life::a_hundred_at_once", || {
        let named = |n: u8| space(&format!("vpcd-i-{n}"), n);
        let mut lab = Lab::new(1).unwrap();
        let timed = |what: &str, work: &mut dyn FnMut()| {
            let start = Instant::now();
            work();
            println!("{what}: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
        };
        let mut devices = Vec::new();
        timed("100 at once", &mut || devices = lab.add_all((1..=100).map(named).collect()).unwrap());
        assert_eq!((devices.len(), namespaces().len()), (100, 100));
        timed("one more", &mut || devices.extend(lab.add(named(101)).unwrap()));
        timed("an interface more", &mut || devices.push(lab.add_link("vpcd-i-1", link(1, 1, &[])).unwrap()));
        timed("an address more", &mut || lab.reconfigure("vpcd-i-1", link(1, 1, &["10.0.1.99/24"])).unwrap());
        timed("a script", &mut || {
            lab.run_user_data("vpcd-i-1", b"#!/bin/sh\nsleep 7003 & sleep 7003 &\n").map(drop).unwrap();
        });
        timed("one less", &mut || lab.remove("vpcd-i-1").unwrap());
        timed("100 closed queues", &mut || devices.clear());
        let mut lab = Some(lab);
        timed("100 namespaces gone", &mut || lab.take().unwrap().close().unwrap());
        nothing_is_left();
    });
}
