//! Requests in JSON and CBOR, the first byte says which, to CloudWatch in front of one Region. None may panic or be answered with a server's error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use vpcd_control::cloudwatch::CloudWatch;
use vpcd_control::http::{Encoding, Request, decode_document};
use vpcd_control::model::Model;
use vpcd_control::region::Region;

static FRESH: LazyLock<Model> = LazyLock::new(|| {
    let mut model = Model::new(1);
    model.create_default_vpc().expect("an empty Region takes one");
    model.settle();
    model
});

const ACTIONS: [&str; 7] = [
    "DeleteAlarms",
    "DescribeAlarms",
    "DescribeAlarmsForMetric",
    "GetMetricData",
    "GetMetricStatistics",
    "ListMetrics",
    "PutMetricAlarm",
];

fuzz_target!(|data: &[u8]| {
    let Some((&first, body)) = data.split_first() else { return };
    let encoding = if first & 1 == 0 { Encoding::Json } else { Encoding::Cbor };
    let Ok(mut members) = decode_document(encoding, body) else { return };
    members.insert(0, ("Action".into(), ACTIONS[usize::from(first >> 1) % ACTIONS.len()].into()));
    let region = Region::open(FRESH.clone(), None, None).expect("a Region");
    let request = Request {
        members,
        service: "monitoring".into(),
        region: "us-east-1".into(),
        access_key: None,
        request_id: "r".into(),
        encoding,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let cloudwatch = CloudWatch::default();
    let answer = runtime.block_on(cloudwatch.call(&region, request));
    assert!(answer.status < 500);
    cloudwatch.judge(&region.read().model, 1 << 40);
});
