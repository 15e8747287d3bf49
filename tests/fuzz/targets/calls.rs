//! Calls of the EC2 API as they come from a socket: one form per line, on one Region with a default VPC. None may panic, be answered with a
//! server's error, or leave half of itself behind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use vpcd_control::ec2::Api;
use vpcd_control::http::decode_form;
use vpcd_control::model::Model;
use vpcd_control::region::Region;

static FRESH: LazyLock<Model> = LazyLock::new(|| {
    let mut model = Model::new(1);
    model.create_default_vpc().expect("an empty Region takes one");
    model.settle();
    model
});

fuzz_target!(|data: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let api = Api::new(Region::open(FRESH.clone(), None, None).expect("a Region"));
    for line in data.split(|b| *b == b'\n').take(8) {
        let Ok(members) = decode_form(line) else { continue };
        let before = api.region().read();
        let answer = runtime.block_on(api.call(members, "r"));
        assert!(answer.status < 500, "{}", answer.body);
        assert!(answer.body.starts_with("<?xml"), "{}", answer.body);
        if answer.status != 200 {
            assert_eq!(api.region().read().model.records(), before.model.records(), "a refused call changed something");
        }
    }
});
