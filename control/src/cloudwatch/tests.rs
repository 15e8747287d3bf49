//! The operations, in all three encodings, and alarms by the clock.

use super::*;
use crate::http::Encoding;
use crate::model::{CreateNatGateway, CreateSubnet, CreateVpc, MetricAlarm};

fn wait<T>(f: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(f)
}

/// A Region with a NAT gateway, and its id.
fn region() -> (Region, Id) {
    let mut m = Model::default();
    let vpc = m.create_vpc(CreateVpc::new("10.0.0.0/16".parse().unwrap())).unwrap();
    let cidr4 = "10.0.0.0/24".parse().unwrap();
    let subnet = m.create_subnet(CreateSubnet { vpc: vpc.clone(), cidr4, cidr6: None, az: None }).unwrap();
    let gateway = m.create_internet_gateway().unwrap();
    m.attach_internet_gateway(&gateway, &vpc).unwrap();
    let allocation = m.allocate_address(None).unwrap();
    let nat =
        m.create_nat_gateway(CreateNatGateway { subnet, allocation: Some(allocation), ..Default::default() }).unwrap();
    (Region::open(m, None, None).unwrap(), nat)
}

fn call(cw: &CloudWatch, region: &Region, encoding: Encoding, members: &[(&str, &str)]) -> (u16, String) {
    let request = Request {
        members: members.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect(),
        service: "monitoring".into(),
        region: "us-east-1".into(),
        access_key: None,
        request_id: "id".into(),
        encoding,
    };
    let response = wait(cw.call(region, request));
    let body = match encoding {
        Encoding::Cbor => {
            let value: ciborium::Value = ciborium::from_reader(response.body.as_slice()).unwrap();
            format!("{value:?}")
        }
        _ => String::from_utf8(response.body).unwrap(),
    };
    (response.status, body)
}

fn sent(bytes_out_to_destination: u64) -> NatGatewayCounters {
    NatGatewayCounters { bytes_out_to_destination, ..Default::default() }
}

// covers: NAT-63
#[test]
fn all_metrics_of_an_idle_gateway_are_listed() {
    let (region, nat) = region();
    let cw = CloudWatch::default();
    let (status, body) =
        call(&cw, &region, Encoding::Json, &[("Action", "ListMetrics"), ("Namespace", "AWS/NATGateway")]);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    let listed = body["Metrics"].as_array().unwrap();
    let names: Vec<&str> = listed.iter().map(|m| m["MetricName"].as_str().unwrap()).collect();
    assert_eq!(names, metric_names());
    let dimension = serde_json::json!([{ "Name": "NatGatewayId", "Value": nat }]);
    assert!(listed.iter().all(|m| m["Namespace"] == NAMESPACE && m["Dimensions"] == dimension));
    for (name, value, count) in
        [("Namespace", "AWS/EC2", 0), ("MetricName", "ErrorPortAllocation", 1), ("MetricName", "X", 0)]
    {
        let (_, body) = call(&cw, &region, Encoding::Form, &[("Action", "ListMetrics"), (name, value)]);
        assert_eq!(body.matches("<MetricName>").count(), count, "{name} {value}");
    }
    let other = [
        ("Action", "ListMetrics"),
        ("Dimensions.member.1.Name", "NatGatewayId"),
        ("Dimensions.member.1.Value", "nat-0"),
    ];
    assert_eq!(call(&cw, &region, Encoding::Form, &other).1.matches("<MetricName>").count(), 0);
}

// covers: NAT-60
#[test]
fn statistics_and_data_say_what_was_counted_in_every_encoding() {
    let (region, nat) = region();
    let cw = CloudWatch::default();
    for (second, bytes) in [(600, 100), (630, 150), (700, 400)] {
        cw.observe(second * 1000, [(nat.as_str(), sent(bytes))]);
    }
    let ask = [
        ("Action", "GetMetricStatistics"),
        ("Namespace", "AWS/NATGateway"),
        ("MetricName", "BytesOutToDestination"),
        ("Dimensions.member.1.Name", "NatGatewayId"),
        ("Dimensions.member.1.Value", &nat),
        ("StartTime", "1970-01-01T00:10:00Z"),
        ("EndTime", "1200"),
        ("Period", "60"),
        ("Statistics.member.1", "Sum"),
    ];
    let (status, body) = call(&cw, &region, Encoding::Form, &ask);
    assert_eq!(status, 200, "{body}");
    let want = "<GetMetricStatisticsResult><Label>BytesOutToDestination</Label><Datapoints>\
        <member><Timestamp>1970-01-01T00:10:00.000Z</Timestamp><Sum>150</Sum><Unit>Bytes</Unit></member>\
        <member><Timestamp>1970-01-01T00:11:00.000Z</Timestamp><Sum>250</Sum><Unit>Bytes</Unit></member>\
        </Datapoints></GetMetricStatisticsResult>";
    assert!(body.contains(want), "{body}");
    assert!(call(&cw, &region, Encoding::Json, &ask).1.contains(r#"{"Timestamp":660.0,"Sum":250.0,"Unit":"Bytes"}"#));
    assert!(
        call(&cw, &region, Encoding::Cbor, &ask).1.contains("Tag(1, Float(660.0))), (Text(\"Sum\"), Float(250.0))")
    );

    let query = "MetricDataQueries.member.1";
    let named = |rest: &str| format!("{query}.{rest}");
    let (id, ns, metric, dn, dv, period, stat) = (
        named("Id"),
        named("MetricStat.Metric.Namespace"),
        named("MetricStat.Metric.MetricName"),
        named("MetricStat.Metric.Dimensions.member.1.Name"),
        named("MetricStat.Metric.Dimensions.member.1.Value"),
        named("MetricStat.Period"),
        named("MetricStat.Stat"),
    );
    let ask = [
        ("Action", "GetMetricData"),
        ("StartTime", "0"),
        ("EndTime", "1200"),
        (&id, "a"),
        (&ns, NAMESPACE),
        (&metric, "BytesOutToDestination"),
        (&dn, "NatGatewayId"),
        (&dv, &nat),
        (&period, "300"),
        (&stat, "Average"),
    ];
    let (status, body) = call(&cw, &region, Encoding::Json, &ask);
    assert_eq!(status, 200, "{body}");
    let want = r#"{"MetricDataResults":[{"Id":"a","Label":"BytesOutToDestination","Timestamps":[600.0],"Values":[200.0],"StatusCode":"Complete"}],"Messages":[]}"#;
    assert_eq!(body, want);
}

#[test]
fn bad_questions_are_refused_by_name() {
    let (region, _) = region();
    let cw = CloudWatch::default();
    let good = [
        ("Action", "GetMetricStatistics"),
        ("Namespace", NAMESPACE),
        ("MetricName", "BytesOutToDestination"),
        ("StartTime", "0"),
        ("EndTime", "1200"),
        ("Period", "60"),
        ("Statistics.member.1", "Sum"),
    ];
    for (name, value, want) in [
        ("Action", "PutDashboard", "<Code>InvalidAction</Code><Message>Could not find operation PutDashboard"),
        ("Period", "61", "Value (61) for parameter Period is not a multiple of 60."),
        ("StartTime", "yesterday", "Value (yesterday) for parameter StartTime is not a time."),
        ("StartTime", "1200", "<Code>ValidationError</Code>"),
        ("EndTime", "1000000", "<Code>InvalidParameterCombination</Code>"),
        ("Statistics.member.1", "Most", "The statistic Most is not one of"),
        ("Colour", "red", "<Code>UnknownParameter</Code><Message>The parameter Colour is not recognized"),
    ] {
        let mut ask: Vec<_> = good.iter().copied().filter(|(n, _)| *n != name).collect();
        ask.push((name, value));
        let (status, body) = call(&cw, &region, Encoding::Form, &ask);
        assert_eq!(status, 400, "{name} {body}");
        assert!(body.contains(want), "{name}: {body}");
    }
    let (status, body) =
        call(&cw, &region, Encoding::Cbor, &[("Action", "DeleteAlarms"), ("AlarmNames.member.1", "x")]);
    assert_eq!(status, 404);
    assert!(body.contains(r#"(Text("__type"), Text("ResourceNotFound"))"#), "{body}");
}

/// An alarm `watch` on `statistic` of `metric`, of `periods` periods.
fn put_alarm(
    cw: &CloudWatch,
    region: &Region,
    nat: &str,
    (metric, statistic): (&str, &str),
    (periods, period): (&str, &str),
    more: &[(&str, &str)],
) {
    let mut ask = vec![
        ("Action", "PutMetricAlarm"),
        ("AlarmName", "watch"),
        ("Namespace", NAMESPACE),
        ("Dimensions.member.1.Name", "NatGatewayId"),
        ("Dimensions.member.1.Value", nat),
        ("AlarmActions.member.1", "arn:aws:sns:us-east-1:123456789012:told"),
        ("MetricName", metric),
        ("Statistic", statistic),
        ("EvaluationPeriods", periods),
        ("Period", period),
    ];
    ask.extend(more);
    let (status, body) = call(cw, region, Encoding::Form, &ask);
    assert_eq!((status, body.contains("PutMetricAlarmResponse")), (200, true), "{body}");
}

/// States that an alarm goes through, with the minute of each.
fn states(
    cw: &CloudWatch,
    region: &Region,
    nat: &str,
    minutes: impl Iterator<Item = NatGatewayCounters>,
) -> Vec<(u64, &'static str, usize)> {
    let mut out = Vec::new();
    for (minute, totals) in (1000..).zip(minutes) {
        for told in cw.judge(&region.read().model, minute * 60_000) {
            out.push((minute - 1000, told.to.name(), told.actions.len()));
        }
        cw.observe(minute * 60_000 + 30_000, [(nat, totals)]);
    }
    out
}

// covers: NAT-64
#[test]
fn an_alarm_on_the_bytes_of_a_quarter_of_an_hour() {
    let (region, nat) = region();
    let cw = CloudWatch::default();
    let when = [("Threshold", "5000000"), ("ComparisonOperator", "GreaterThanOrEqualToThreshold")];
    put_alarm(&cw, &region, &nat, ("BytesOutToDestination", "Sum"), ("1", "900"), &when);
    // 400,000 a minute for 12 minutes is less, the 13th brings 5,200,000; then nothing more.
    let minutes = (0..40).map(|m: u64| sent(400_000 * m.min(13)));
    // Minute m's bytes are judged when it is over.
    assert_eq!(states(&cw, &region, &nat, minutes), [(1, "OK", 0), (14, "ALARM", 1), (17, "OK", 0)]);
}

// covers: NAT-65
#[test]
fn an_alarm_on_port_errors_in_three_periods_of_five_minutes() {
    let (region, nat) = region();
    let cw = CloudWatch::default();
    let when = [("Threshold", "0"), ("ComparisonOperator", "GreaterThanThreshold")];
    put_alarm(&cw, &region, &nat, ("ErrorPortAllocation", "Maximum"), ("3", "300"), &when);
    // An error in minutes 20, 25 and 30: from then on each of the last three periods has one, until the first is too old.
    let errors = |m: u64| [20, 25, 30].iter().filter(|at| **at <= m).count() as u64;
    let minutes = (0..60).map(|m| NatGatewayCounters { error_port_allocation: errors(m), ..Default::default() });
    assert_eq!(states(&cw, &region, &nat, minutes), [(1, "OK", 0), (31, "ALARM", 1), (36, "OK", 0)]);
    let (_, body) = call(&cw, &region, Encoding::Json, &[("Action", "DescribeAlarms"), ("AlarmNamePrefix", "wa")]);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let alarm = &body["MetricAlarms"][0];
    assert_eq!((&alarm["StateValue"], &alarm["Threshold"]), (&"OK".into(), &0.0.into()));
    assert_eq!(alarm["DatapointsToAlarm"], 3);
}

#[test]
fn alarms_are_records_and_what_is_missing_counts_as_told() {
    let (region, nat) = region();
    let cw = CloudWatch::default();
    for (missing, want) in [
        ("missing", "INSUFFICIENT_DATA"),
        ("ignore", "INSUFFICIENT_DATA"),
        ("breaching", "ALARM"),
        ("notBreaching", "OK"),
    ] {
        let when = [("Threshold", "1"), ("ComparisonOperator", "GreaterThanThreshold"), ("TreatMissingData", missing)];
        put_alarm(&cw, &region, &nat, ("PacketsDropCount", "Sum"), ("2", "60"), &when);
        cw.judge(&region.read().model, 60_000_000);
        let (_, body) = call(&cw, &region, Encoding::Form, &[("Action", "DescribeAlarms")]);
        assert!(body.contains(&format!("<StateValue>{want}</StateValue>")), "{missing}: {body}");
        cw.clear();
    }
    let model = &region.read().model;
    let records = model.records();
    let stored = records.iter().filter_map(|r| Some((r.kind, r.value.as_deref()?)));
    let alarm = |m: &Model| -> MetricAlarm { m.alarms().get("watch").unwrap().clone() };
    assert_eq!(alarm(&Model::restore(stored).unwrap()), alarm(model));
    let gone = call(&cw, &region, Encoding::Form, &[("Action", "DeleteAlarms"), ("AlarmNames.member.1", "watch")]);
    assert_eq!(gone.0, 200);
    assert!(region.read().model.alarms().is_empty());
}
