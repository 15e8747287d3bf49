//! Without root: in namespaces of our own, or one sentence that says what to do.

use crate::lab::{ended, example, is_root, isolated, sh, vpcd};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

#[test]
fn without_a_device_one_sentence_says_what_to_do() {
    isolated("rights::without_a_device_one_sentence_says_what_to_do", || {
        sh("mount -t tmpfs tmpfs /dev/net");
        let out = ended(vpcd().args(["up", &example("nat")]));
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1));
        assert_eq!(
            said,
            "error: /dev/net/tun is missing: load it with `modprobe tun`, or give it to the container with `--device /dev/net/tun`\n"
        );
    });
}

#[test]
fn without_any_rights_one_sentence_says_what_to_do() {
    isolated("rights::without_any_rights_one_sentence_says_what_to_do", || {
        // A user namespace that allows no further ones, and in it a process without capabilities.
        let script =
            "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --bounding-set=-all \"$@\"";
        let mut command = Command::new("unshare");
        command.args([
            "--user",
            "--map-root-user",
            "sh",
            "-c",
            script,
            "sh",
            env!("CARGO_BIN_EXE_vpcd"),
            "up",
            &example("nat"),
        ]);
        let out = ended(&mut command);
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!((out.status.code(), said.lines().count()), (Some(1), 1), "{said}");
        assert!(
            said.starts_with("error: vpcd needs root or a user namespace of its own, and the kernel refuses one"),
            "{said}"
        );
        assert!(said.contains("run it with sudo"), "{said}");
    });
}

#[test]
fn an_ordinary_user_gets_namespaces_of_their_own() {
    isolated("rights::an_ordinary_user_gets_namespaces_of_their_own", || {
        if !is_root() {
            println!("left out: only root can become an ordinary user and lay out a device for them");
            return;
        }
        // The machine's device may be root's alone. Binary and template may lie where only root looks.
        sh(
            "mount -t tmpfs tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200 && mount -t tmpfs -o mode=0755 tmpfs /mnt",
        );
        std::fs::copy(env!("CARGO_BIN_EXE_vpcd"), "/mnt/vpcd").unwrap();
        std::fs::copy(example("nat"), "/mnt/nat.yaml").unwrap();
        let user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let mut child = Command::new("setpriv")
            .args(user)
            .args(["/mnt/vpcd", "up", "/mnt/nat.yaml"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        out.read_line(&mut ready).unwrap();
        // The very words of the ready line lead inside.
        let enter = ready.split('`').nth(1).and_then(|t| t.split(" ip netns").next()).unwrap().to_owned();
        let inside = sh(&format!("setpriv {} {enter} ip netns", user.join(" ")));
        let pinged = sh(&format!(
            "setpriv {} {enter} ip netns exec vpcd-internet ping -c 1 -W 1 -I 203.0.113.10 198.51.100.1",
            user.join(" ")
        ));
        let outside = sh("ip netns; ls -d /run/netns /run/vpcd 2>/dev/null || true");
        sh(&format!("kill -INT {}", child.id()));
        let mut said = String::new();
        out.read_to_string(&mut said).unwrap();
        assert!(child.wait().unwrap().success(), "{said}");
        assert!(inside.contains("vpcd-Web") && pinged.contains("1 received"), "{inside}{pinged}");
        assert_eq!(outside, "", "nothing of it is seen outside");
    });
}

#[test]
fn what_would_be_lost_is_refused() {
    isolated("rights::what_would_be_lost_is_refused", || {
        if !is_root() {
            return;
        }
        sh(
            "mount -t tmpfs tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200 && mount -t tmpfs -o mode=0755 tmpfs /mnt",
        );
        std::fs::copy(env!("CARGO_BIN_EXE_vpcd"), "/mnt/vpcd").unwrap();
        std::fs::copy(example("nat"), "/mnt/nat.yaml").unwrap();
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "/mnt/vpcd",
            "up",
            "/mnt/nat.yaml",
            "--record",
            "/run/recordings",
        ]);
        let said = String::from_utf8(ended(&mut command).stderr).unwrap();
        assert!(said.contains("/run/recordings would be lost"), "{said}");
    });
}
