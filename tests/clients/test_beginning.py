"""How `vpcd serve --template` begins: with hosts that stand when it says that it is ready."""
import json
import os
import pathlib
import shutil
import tempfile
import time
import urllib.request

from vpcd import LiveCase, Server

HOSTS = 12
# Hands everything on, but what would give a device this address.
BROKEN_IP = """#!/bin/sh
input=$(cat)
case "$input" in *10.0.0.66/*) echo "no such luck" >&2; exit 1;; esac
printf '%s\\n' "$input" | exec {ip} "$@"
"""


def template(*more):
    """HOSTS instances that say that they run, and others at these addresses."""
    resources = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "Net": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24"}},
    }
    script = {"Fn::Base64": "#!/bin/sh\necho it runs\nsleep 60\n"}
    named = {f"Host{n}": f"10.0.0.{n + 10}" for n in range(HOSTS)} | dict(more)
    for name, address in named.items():
        resources[name] = {"Type": "AWS::EC2::Instance",
                           "Properties": {"SubnetId": {"Ref": "Net"}, "PrivateIpAddress": address, "UserData": script}}
    return json.dumps({"Resources": resources})


class Beginning(LiveCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.dir)

    def serve(self, *more):
        """A server that begins with a template; what it has logged when it is ready, and its instances by logical id."""
        file, log = self.dir / "template.json", self.dir / "log"
        file.write_text(template(*more))
        os.environ["VPCD_LOG"] = str(log)
        try:
            server = Server("--ephemeral", "--template", str(file))
        finally:
            del os.environ["VPCD_LOG"]
        self.addCleanup(lambda: self.assertEqual(server.stop(), 0))
        said = log.read_text()
        self.endpoint = server.endpoint
        found = server.client("ec2").describe_instances()["Reservations"]
        self.ec2 = server.client("ec2")
        instances = [i for r in found for i in r["Instances"]]
        name = lambda i: next(t["Value"] for t in i["Tags"] if t["Key"] == "aws:cloudformation:logical-id")
        return said, {name(i): i for i in instances}

    def console(self, instance):
        """What user data has said; it has begun, but may not have come to that yet."""
        for _ in range(50):
            if said := self.ec2.get_console_output(InstanceId=instance).get("Output"):
                return said
            time.sleep(0.1)

    def test_ready_means_that_all_hosts_stand(self):
        _, instances = self.serve()
        self.assertEqual(len(instances), HOSTS)
        with urllib.request.urlopen(self.endpoint + "/readyz") as answer:
            self.assertEqual(answer.read(), b"ready\n")
        for i in instances.values():
            self.assertIn(i["PrivateIpAddress"], self.shell(i["InstanceId"], "ip -4 addr"))
            self.assertEqual(self.console(i["InstanceId"]), "it runs\n")
        # Launched together, they stand when the call is answered.
        subnet = instances["Host0"]["SubnetId"]
        made = self.ec2.run_instances(ImageId="ami-a4827dc9", MinCount=6, MaxCount=6, SubnetId=subnet)["Instances"]
        for i in made:
            self.assertIn(i["PrivateIpAddress"], self.shell(i["InstanceId"], "ip -4 addr"))

    def test_a_host_that_cannot_be_made_is_named_before(self):
        wrapper = self.dir / "ip"
        wrapper.write_text(BROKEN_IP.format(ip=shutil.which("ip")))
        wrapper.chmod(0o755)
        path = os.environ["PATH"]
        os.environ["PATH"] = f"{self.dir}:{path}"
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        said, instances = self.serve(("Unlucky", "10.0.0.66"))
        errors = [line for line in map(json.loads, said.splitlines()) if line["level"] == "error"]
        self.assertEqual([e["name"] for e in errors], ["Unlucky"], errors)
        self.assertIn("no such luck", errors[0]["error"])
        unlucky = instances.pop("Unlucky")
        self.assertEqual((unlucky["State"]["Name"], unlucky["StateReason"]["Code"]), ("terminated", "Server.InternalError"))
        self.assertEqual({i["State"]["Name"] for i in instances.values()}, {"running"})
        for i in instances.values():
            self.shell(i["InstanceId"], "ip -4 addr")

