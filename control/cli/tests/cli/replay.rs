//! Verdicts, outputs, and that the same input gives the same bytes.

use crate::support::*;

const DB: &str = "10.0.1.5";
const WEB: &str = "10.0.0.5";
const NET: &str = "192.0.2.77";

fn at(i: u64, frame: Vec<u8>) -> (u64, Vec<u8>) {
    (T0 + i * 1_000, frame)
}

#[test]
fn a_verdict_for_every_frame_in_order_of_time() {
    let dir = Dir::new("verdicts");
    let mut ethertype = tcp((DB, 1), (NET, 443), SYN, b"");
    ethertype[12..14].copy_from_slice(&[0x12, 0x34]);
    let db = dir.pcapng(
        "db.pcapng",
        &[
            at(0, tcp((DB, 40_000), (NET, 443), SYN, b"")),
            at(2, tcp((DB, 40_000), (NET, 25), SYN, b"")),
            at(4, tcp(("10.0.1.6", 40_000), (NET, 443), SYN, b"")),
            at(6, arp(DB.parse().unwrap(), "10.0.1.1".parse().unwrap())),
            at(8, arp(DB.parse().unwrap(), "10.0.1.77".parse().unwrap())),
            at(10, udp((DB, 5_000), ("169.254.169.253", 53), b"")),
            at(12, ethertype),
            at(14, tcp((DB, 41_000), (NET, 443), ACK, b"")),
        ],
    );
    let net = dir.pcapng(
        "net.pcapng",
        &[
            // Not in order of time: sorted within the file too.
            at(5, tcp((NET, 9), ("198.51.100.77", 80), SYN, b"")),
            at(1, tcp((NET, 9), ("198.51.100.9", 80), SYN, b"")),
            at(3, tcp((NET, 9), ("198.51.100.1", 80), SYN, b"")),
            at(7, tcp((NET, 9), ("198.51.100.1", 22), SYN, b"")),
        ],
    );
    let r = replay(&dir, NAT, &["--in", &format!("Db={db}"), "--in", &format!("internet={net}"), "--json"]);
    let expected = [
        "Db forward - - - [internet]",
        "internet drop natgw Nat unsolicited []",
        "Db drop sg-out Db no-rule []",
        "internet forward - - - [Web]",
        "Db drop src-dst Db not-mine []",
        "internet drop igw internet no-mapping []",
        "Db reply - - - [Db]",
        "internet drop sg-in Web no-rule []",
        "Db drop route PrivateSubnet no-owner []",
        "Db punt - - - []",
        "Db drop parse Db ethertype []",
        "Db reply natgw Nat no-binding [Db]",
    ];
    assert_eq!(r.lines(), expected);
    let first = String::from_utf8(r.files["verdicts.jsonl"].clone()).unwrap();
    assert_eq!(
        first.lines().next(),
        Some(
            r#"{"n":0,"port":"Db","ts":"1700000000.000000007","verdict":"forward","stage":null,"at":null,"reason":null,"out":["internet"]}"#
        )
    );
    assert_eq!(
        first.lines().nth(2),
        Some(
            r#"{"n":2,"port":"Db","ts":"1700000000.000002007","verdict":"drop","stage":"sg-out","at":"Db","reason":"no-rule","out":[]}"#
        )
    );
    assert_eq!(
        r.files.keys().collect::<Vec<_>>(),
        ["Db.pcapng", "Web.pcapng", "internet.pcapng", "ports.json", "verdicts.jsonl"]
    );

    let summary = r.ran.json();
    assert_eq!((summary["frames"].as_u64(), summary["forward"].as_u64()), (Some(12), Some(2)));
    assert_eq!(
        (summary["reply"].as_u64(), summary["punt"].as_u64(), summary["drop"].as_u64()),
        (Some(2), Some(1), Some(7))
    );
    assert_eq!(summary["seed"].as_u64(), Some(0));
    let reasons = summary["reasons"].as_array().unwrap();
    assert!(
        reasons
            .contains(&serde_json::json!({ "verdict": "drop", "stage": "natgw", "reason": "unsolicited", "count": 1 }))
    );
}

#[test]
fn what_left_says_which_way_it_went_and_why() {
    let dir = Dir::new("ways");
    let db = dir.pcapng(
        "db.pcapng",
        &[at(0, tcp((DB, 40_000), (NET, 443), SYN, b"")), at(1, tcp((DB, 40_000), (NET, 443), ACK, b"hello"))],
    );
    let web = dir.pcapng("web.pcapng", &[at(2, tcp((WEB, 40_000), (DB, 3306), SYN, b""))]);
    let r = replay(&dir, NAT, &["--in", &format!("Db={db}"), "--in", &format!("Web={web}")]);
    let out = r.received("internet");
    assert_eq!(out.len(), 2);
    for (i, record) in out.iter().enumerate() {
        let (src, dst) = tuple(&record.data);
        assert_eq!((src.split(':').next(), dst.as_str()), (Some("198.51.100.9"), "192.0.2.77:443"));
        assert_eq!((record.ts, record.linktype), (T0 + i as u64 * 1_000, 1));
        assert!(checksums_right(&record.data));
        let comment = record.comment.as_deref().unwrap();
        assert_eq!(
            comment,
            format!(
                "Db > PrivateSubnet > Nat > PublicSubnet > internet; because of frame {i} at 1700000000.00000{i}007"
            )
        );
    }
    let inside = r.received("Db");
    assert_eq!(
        inside[0].comment.as_deref(),
        Some("Web > PublicSubnet > PrivateSubnet > Db; because of frame 2 at 1700000000.000002007")
    );
}

#[test]
fn ports_json_is_what_check_prints() {
    let dir = Dir::new("ports");
    let db = dir.pcapng("db.pcapng", &[at(0, tcp((DB, 40_000), (NET, 443), SYN, b""))]);
    let r = replay(&dir, NAT, &["--in", &format!("Db={db}")]);
    let check = vpcd(&["check", NAT, "--json"]).ok();
    assert_eq!(String::from_utf8(r.files["ports.json"].clone()).unwrap(), check.stdout);
}

/// A few thousand frames of all kinds, from a fixed seed.
fn mixture(dir: &Dir) -> Vec<String> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let (mut web, mut db, mut net) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..6_000u64 {
        // Many share a time.
        let ts = T0 + i / 3 * 1_000_000;
        let port = 1_024 + next(300) as u16;
        let host = format!("192.0.2.{}", 1 + next(40));
        let flags = [SYN, ACK, SYN | ACK][next(3) as usize];
        match next(9) {
            0 => db.push((ts, tcp((DB, port), (&host, [80, 443, 25][next(3) as usize]), flags, b"x"))),
            1 => db.push((ts, udp((DB, port), (&host, 53), b"y"))),
            2 => web.push((ts, tcp((WEB, port), (DB, [3306, 3307, 22][next(3) as usize]), flags, b"z"))),
            3 => web.push((ts, tcp((WEB, [80, 443][next(2) as usize]), (&host, port), flags, b"page"))),
            4 => net.push((ts, tcp((&host, port), ("198.51.100.1", [80, 443, 22][next(3) as usize]), flags, b""))),
            5 => net.push((ts, tcp((&host, 443), ("198.51.100.9", 1_024 + next(64_000) as u16), flags, b""))),
            6 => net.push((ts, ping("203.0.113.10", "198.51.100.1", port, true))),
            7 => {
                let (id, offset) = (next(50) as u16, next(3) as u16 * 64);
                net.push((ts, fragment((&host, 9), ("198.51.100.1", 80), id, offset, offset < 128, 64)));
            }
            _ => web.push((ts, arp(WEB.parse().unwrap(), format!("10.0.0.{}", next(10)).parse().unwrap()))),
        }
    }
    let mut args = Vec::new();
    for (port, frames) in [("Web", web), ("Db", db), ("internet", net)] {
        args.extend(["--in".into(), format!("{port}={}", dir.pcapng(&format!("{port}-in.pcapng"), &frames))]);
    }
    args
}

#[test]
fn the_same_bytes_with_any_number_of_workers() {
    let dir = Dir::new("workers");
    let args = mixture(&dir);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let with = |workers| replay(&dir, NAT, &[&args[..], &["--seed", "42", "--workers", workers]].concat());
    let one = with("1");
    assert!(one.received("internet").len() > 100 && one.received("Web").len() > 100 && one.verdicts.len() == 6_000);
    for workers in ["2", "4"] {
        let other = with(workers);
        assert_eq!(one.files.keys().collect::<Vec<_>>(), other.files.keys().collect::<Vec<_>>());
        for (name, bytes) in &one.files {
            assert!(other.files[name] == *bytes, "{name} differs with {workers} workers");
        }
        assert_eq!(one.ran.stdout, other.ran.stdout);
    }
    for (name, bytes) in &one.files {
        let text = String::from_utf8_lossy(bytes);
        assert!(
            !text.contains(env!("CARGO_TARGET_TMPDIR")) && !text.contains("worker"),
            "{name} names a path or a worker"
        );
    }
}

#[test]
fn more_input_changes_nothing_before_it() {
    let dir = Dir::new("longer");
    let frames: Vec<_> = (0..200).map(|i| at(i, tcp((DB, 30_000 + i as u16), (NET, 443), SYN, b""))).collect();
    let short = replay(&dir, NAT, &["--in", &format!("Db={}", dir.pcapng("short.pcapng", &frames[..100]))]);
    let long = replay(&dir, NAT, &["--in", &format!("Db={}", dir.pcapng("long.pcapng", &frames))]);
    for file in ["internet.pcapng", "verdicts.jsonl"] {
        assert!(long.files[file].starts_with(&short.files[file]), "{file}");
    }
}

#[test]
fn a_recording_brings_its_seed() {
    let dir = Dir::new("seed");
    let frames = [at(0, tcp((DB, 40_000), (NET, 443), SYN, b""))];
    let plain = dir.pcapng("plain.pcapng", &frames);
    let recorded = dir.pcapng_saying("recorded.pcapng", &frames, &["seed=7\ntemplate=0000000000000000"]);
    let run =
        |file: &str, more: &[&str]| replay(&dir, NAT, &[&["--in", &format!("Db={file}"), "--json"], more].concat());
    let seeded = run(&plain, &["--seed", "7"]);
    let from_recording = run(&recorded, &[]);
    assert_eq!(from_recording.ran.json()["seed"].as_u64(), Some(7));
    assert_eq!(from_recording.files, seeded.files);
    assert_ne!(run(&plain, &[]).files["internet.pcapng"], seeded.files["internet.pcapng"]);
    assert_eq!(run(&recorded, &["--seed", "0"]).files, run(&plain, &[]).files);
    assert!(from_recording.ran.stderr.contains("another template"), "{}", from_recording.ran.stderr);
}

#[test]
fn a_held_fragment_gets_its_verdict_at_its_own_place() {
    let dir = Dir::new("fragments");
    let (net, web) = ((NET, 9), ("198.51.100.1", 80));
    let file = dir.pcapng(
        "net.pcapng",
        &[
            at(0, fragment(net, web, 1, 64, false, 64)),
            at(1, fragment(net, web, 2, 64, false, 64)),
            at(2, tcp(net, web, SYN, b"")),
            // Its datagram is UDP, which no rule of Web admits.
            at(3, fragment(net, web, 1, 0, true, 64)),
        ],
    );
    let r = replay(&dir, NAT, &["--in", &format!("internet={file}")]);
    assert_eq!(
        r.lines(),
        [
            "internet drop sg-in Web no-rule []",
            "internet drop parse internet fragment-timeout []",
            "internet forward - - - [Web]",
            "internet drop sg-in Web no-rule []",
        ]
    );
}

#[test]
fn an_earlier_result_is_replaced_and_an_input_is_not() {
    let dir = Dir::new("again");
    let db = dir.pcapng("db.pcapng", &[at(0, tcp((DB, 40_000), (NET, 443), SYN, b""))]);
    let out = dir.text("result");
    let run = |input: &str| vpcd(&["replay", NAT, "--in", input, "--out", &out]);
    run(&format!("Db={db}")).ok();
    assert!(dir.path("result/internet.pcapng").exists());
    let quiet = dir.pcapng("quiet.pcapng", &[at(0, tcp((DB, 40_000), (NET, 25), SYN, b""))]);
    run(&format!("Db={quiet}")).ok();
    assert!(!dir.path("result/internet.pcapng").exists());
    let inside = dir.pcapng("result/Db.pcapng", &[at(0, tcp((DB, 40_000), (NET, 443), SYN, b""))]);
    let before = std::fs::read(&inside).unwrap();
    assert!(run(&format!("Db={inside}")).failed(1).stderr.contains("is an input"));
    assert_eq!(std::fs::read(&inside).unwrap(), before);
}

#[test]
fn wrong_ethernet_addresses_count_only_when_asked_to() {
    let dir = Dir::new("l2");
    let db = dir.pcapng("db.pcapng", &[at(0, tcp((DB, 40_000), (NET, 443), SYN, b""))]);
    let input = format!("Db={db}");
    assert_eq!(replay(&dir, NAT, &["--in", &input]).lines(), ["Db forward - - - [internet]"]);
    assert_eq!(replay(&dir, NAT, &["--in", &input, "--strict-l2"]).lines(), ["Db drop parse Db wrong-mac []"]);
}
