"""CloudWatch's metrics of NAT gateways and alarms on them, with real clients in each of their encodings."""
import datetime
import json
import unittest
import urllib.request

from network import nat_gateway
from vpcd import Case, LiveCase

METRICS = """ActiveConnectionCount BytesInFromDestination BytesInFromSource BytesOutToDestination BytesOutToSource ConnectionAttemptCount
ConnectionEstablishedCount ErrorPortAllocation IdleTimeoutCount PacketsDropCount PacketsInFromDestination PacketsInFromSource
PacketsOutToDestination PacketsOutToSource""".split()


class CloudWatch(Case):
    def setUp(self):
        super().setUp()
        self.cloudwatch = self.server.client("cloudwatch")

    # covers: NAT-63
    def test_list_metrics_names_all_of_an_idle_gateway(self):
        self.assertEqual(self.aws("cloudwatch", "list-metrics", "--namespace", "AWS/NATGateway")["Metrics"], [])
        _, _, nat = nat_gateway(self.ec2)
        expected = [{"Namespace": "AWS/NATGateway", "MetricName": m, "Dimensions": [{"Name": "NatGatewayId", "Value": nat}]} for m in METRICS]
        self.assertEqual(self.aws("cloudwatch", "list-metrics", "--namespace", "AWS/NATGateway")["Metrics"], expected)
        paged = self.cloudwatch.get_paginator("list_metrics").paginate(Namespace="AWS/NATGateway", MetricName="PacketsDropCount")
        self.assertEqual([m["MetricName"] for page in paged for m in page["Metrics"]], ["PacketsDropCount"])

    # covers: NAT-64 NAT-65
    def test_alarms_of_the_guide(self):
        _, _, nat = nat_gateway(self.ec2)
        watch = dict(Namespace="AWS/NATGateway", Dimensions=[{"Name": "NatGatewayId", "Value": nat}],
                     AlarmActions=["arn:aws:sns:us-east-1:123456789012:told"])
        self.cloudwatch.put_metric_alarm(AlarmName="bytes", MetricName="BytesOutToDestination", Statistic="Sum", Period=900, EvaluationPeriods=1,
                                         Threshold=5_000_000, ComparisonOperator="GreaterThanOrEqualToThreshold", **watch)
        self.cloudwatch.put_metric_alarm(AlarmName="ports", MetricName="ErrorPortAllocation", Statistic="Maximum", Period=300, EvaluationPeriods=3,
                                         Threshold=0, ComparisonOperator="GreaterThanThreshold", **watch)
        alarms = {a["AlarmName"]: a for a in self.aws("cloudwatch", "describe-alarms")["MetricAlarms"]}
        self.assertEqual(sorted(alarms), ["bytes", "ports"])
        self.assertEqual((alarms["ports"]["Period"], alarms["ports"]["Threshold"], alarms["ports"]["DatapointsToAlarm"]), (300, 0.0, 3))
        self.assertEqual(alarms["bytes"]["AlarmArn"], "arn:aws:cloudwatch:us-east-1:123456789012:alarm:bytes")
        refusal = self.refused("ValidationError", self.cloudwatch.put_metric_alarm, AlarmName="odd", MetricName="x", Statistic="Sum", Period=61,
                               EvaluationPeriods=1, Threshold=1, ComparisonOperator="LessThanThreshold", **watch)
        self.assertIn("Period", refusal)
        self.refused("ResourceNotFound", self.cloudwatch.delete_alarms, AlarmNames=["bytes", "none"])
        self.cloudwatch.delete_alarms(AlarmNames=["bytes", "ports"])
        self.assertEqual(self.cloudwatch.describe_alarms()["MetricAlarms"], [])

    def test_json_and_forms_too(self):
        _, _, nat = nat_gateway(self.ec2)
        scope = "AKIATEST/20260101/us-east-1/monitoring/aws4_request"
        signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"}
        ask = urllib.request.Request(self.server.endpoint, data=json.dumps({"MetricName": "IdleTimeoutCount"}).encode(), headers={
            **signed, "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "GraniteServiceVersion20100801.ListMetrics"})
        with urllib.request.urlopen(ask) as answer:
            self.assertEqual(answer.headers["Content-Type"], "application/x-amz-json-1.0")
            self.assertEqual(json.load(answer)["Metrics"][0]["Dimensions"], [{"Name": "NatGatewayId", "Value": nat}])
        form = urllib.request.Request(self.server.endpoint, data=b"Action=ListMetrics&Version=2010-08-01", headers=signed)
        with urllib.request.urlopen(form) as answer:
            body = answer.read().decode()
        self.assertEqual(body.count("<MetricName>"), 14)
        self.assertTrue(body.startswith('<ListMetricsResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/">'), body[:200])


class Counted(LiveCase):
    # covers: NAT-60 NAT-61
    def test_what_passed_a_gateway(self):
        ec2, cloudwatch = self.ec2, self.server.client("cloudwatch")
        _, private, nat = nat_gateway(ec2)
        made = ec2.run_instances(ImageId="ami-a4827dc9", MinCount=1, MaxCount=1, InstanceType="t2.micro", SubnetId=private)
        client = made["Instances"][0]["InstanceId"]
        self.listen("internet", 80)
        self.passes(client, "192.0.2.77", 80)
        for _ in range(3):
            self.passes(client, "192.0.2.77")
        self.dropped("natgw", "internet", ec2.describe_nat_gateways()["NatGateways"][0]["NatGatewayAddresses"][0]["PublicIp"], 80)
        now = datetime.datetime.now(datetime.timezone.utc)
        span = dict(StartTime=now - datetime.timedelta(minutes=10), EndTime=now + datetime.timedelta(minutes=2))
        of = [{"Name": "NatGatewayId", "Value": nat}]
        queries = [{"Id": m[0].lower() + m[1:], "MetricStat": {"Metric": {"Namespace": "AWS/NATGateway", "MetricName": m, "Dimensions": of},
                                                              "Period": 60, "Stat": "Sum"}} for m in METRICS]
        data = cloudwatch.get_metric_data(MetricDataQueries=queries, **span)["MetricDataResults"]
        total = {METRICS[i]: sum(r["Values"]) for i, r in enumerate(data)}
        self.assertEqual((total["ConnectionAttemptCount"], total["ConnectionEstablishedCount"]), (1, 1))
        self.assertEqual((total["ErrorPortAllocation"], total["PacketsDropCount"], total["IdleTimeoutCount"]), (0, 0, 0))
        # What nobody asked for came in and is blocked; it is no drop, but missing on the other side (NAT-61): a SYN of 60 bytes.
        for there, back in (("OutToDestination", "InFromSource"), ("OutToSource", "InFromDestination")):
            self.assertEqual(total[f"Bytes{there}"], total[f"Bytes{back}"] - 60 * (there == "OutToSource"))
            self.assertEqual(total[f"Packets{there}"], total[f"Packets{back}"] - (there == "OutToSource"))
        self.assertGreaterEqual(total["PacketsInFromSource"], 6 + 6)
        shown = self.aws("cloudwatch", "get-metric-statistics", "--namespace", "AWS/NATGateway", "--metric-name", "PacketsInFromSource",
                         "--dimensions", f"Name=NatGatewayId,Value={nat}", "--period", "60", "--statistics", "Sum", "SampleCount",
                         "--start-time", span["StartTime"].isoformat(), "--end-time", span["EndTime"].isoformat())
        self.assertEqual(sum(p["Sum"] for p in shown["Datapoints"]), total["PacketsInFromSource"])
        with urllib.request.urlopen(self.server.endpoint + "/metrics") as answer:
            line = f'vpcd_nat_gateway_PacketsInFromSource{{NatGatewayId="{nat}"}} {int(total["PacketsInFromSource"])}\n'
            self.assertIn(line, answer.read().decode())


if __name__ == "__main__":
    unittest.main()
