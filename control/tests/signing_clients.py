"""Unmodified clients against the server of signing_clients.rs: python3 signing_clients.py URL"""

import datetime
import os
import sys
import unittest
import urllib.error
import urllib.parse
import urllib.request
from unittest import mock

# Neither the machine's proxies nor its owner's settings.
for name in [n for n in os.environ if n.lower().endswith("_proxy") or n.startswith("AWS_")]:
    del os.environ[name]
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"

import boto3
import botocore.auth
from botocore.config import Config
from botocore.exceptions import ClientError
from libcloud.common.types import InvalidCredsError
from libcloud.compute.drivers.ec2 import EC2NodeDriver

URL = sys.argv.pop()
KEY, SECRET = "AKIDEXAMPLE", "wJalr/UtnFEMI+K7MDENG"
# Everything that encodings disagree about.
NASTY = " a+b/c=d&e%20f*~'()!ü€\t"


def client(service="ec2", secret=SECRET, key=KEY, token=None):
    return boto3.client(
        service,
        region_name="eu-west-1",
        endpoint_url=URL,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}),
    )


def libcloud(secret=SECRET, version="2"):
    url = urllib.parse.urlsplit(URL)
    return EC2NodeDriver(
        KEY, secret, region="us-east-1", host=url.hostname, port=url.port, secure=False, signature_version=version
    )


class Signed(unittest.TestCase):
    def test_post(self):
        ec2 = client()
        for text in ["10.0.0.0/16", NASTY]:
            answer = ec2.describe_vpcs(Filters=[{"Name": "tag:x", "Values": [text]}])
            # Blanks at the ends are lost in XML, not on the way.
            self.assertEqual(answer["Vpcs"][0]["CidrBlock"].strip(), text.strip())
            self.assertIn("x-amzn-requestid", answer["ResponseMetadata"]["HTTPHeaders"])

    def test_sts(self):
        self.assertEqual(client("sts").get_caller_identity()["UserId"], f"eu-west-1 {KEY}")

    def test_presigned(self):
        arguments = {"Filters": [{"Name": "tag:x", "Values": [NASTY]}]}
        url = client().generate_presigned_url("describe_vpcs", arguments, ExpiresIn=60, HttpMethod="GET")
        with urllib.request.urlopen(url) as answer:
            self.assertIn("<vpcId>vpc-1</vpcId>", answer.read().decode())
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url.replace("tag%3Ax", "tag%3Ay"))
        self.assertEqual(refused.exception.code, 401)
        self.assertIn("<Code>AuthFailure</Code>", refused.exception.read().decode())
        refused.exception.close()

    def refused(self, status, code, call):
        with self.assertRaises(ClientError) as refused:
            call()
        response = refused.exception.response
        self.assertEqual((response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]), (status, code))

    def test_refusals(self):
        self.refused(401, "AuthFailure", lambda: client(secret="wrong").describe_vpcs())
        self.refused(401, "AuthFailure", lambda: client(key="AKIA").describe_vpcs())
        self.refused(401, "AuthFailure", lambda: client(token="t").describe_vpcs())
        self.refused(403, "SignatureDoesNotMatch", lambda: client("sts", secret="wrong").get_caller_identity())
        self.refused(403, "InvalidClientTokenId", lambda: client("sts", key="AKIA").get_caller_identity())

    def test_clocks(self):
        now = botocore.auth.get_current_datetime()

        def off(minutes, call):
            with mock.patch("botocore.auth.get_current_datetime", lambda: now + datetime.timedelta(minutes=minutes)):
                return call()

        for minutes in (-14, 14):
            off(minutes, client().describe_vpcs)
        self.refused(400, "RequestExpired", lambda: off(-16, client().describe_vpcs))
        self.refused(401, "AuthFailure", lambda: off(16, client().describe_vpcs))
        self.refused(403, "SignatureDoesNotMatch", lambda: off(-16, client("sts").get_caller_identity))

    def test_libcloud(self):
        for version in ("2", "4"):
            driver = libcloud(version=version)
            self.assertEqual([n.id for n in driver.ex_list_networks(filters={"tag:x": NASTY})], ["vpc-1"], version)
            with self.assertRaises(InvalidCredsError):
                libcloud("wrong", version).ex_list_networks()


if __name__ == "__main__":
    unittest.main()
