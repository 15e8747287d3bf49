use super::*;

#[test]
fn a_publish_returns_when_every_worker_has_seen_it_or_sleeps() {
    let live = Live::start(Config { workers: 3, ..Config::default() }, Topology::default(), Vec::new(), None).unwrap();
    for generation in 2..50 {
        live.publish(Topology::default());
        assert_eq!(live.topology().generation, generation);
        assert!(live.shared.workers.iter().all(|w| w.turn.is_past(generation)));
    }
    assert_eq!(live.counters().conservation(), (0, 0));
    assert!(!live.failed());
    assert_eq!(live.stop().unwrap().conservation(), (0, 0));
}

#[test]
fn a_port_brings_a_queue_for_every_worker() {
    let port = LivePort { port: 1, name: "Web".into(), queues: Vec::new() };
    let refused = Live::start(Config { workers: 2, ..Config::default() }, Topology::default(), vec![port], None);
    assert_eq!(refused.err().unwrap().to_string(), "port Web has 0 queues for 2 workers");
}
