//! User data, and commands in a namespace.

use crate::isolation::{is_root, isolated, sh};
use crate::lab::{Owner, children, sleeps, space, until};
use std::time::{Duration, Instant};
use vpcd_control::host::{Console, HostError, Lab, exec, signals};

fn said(console: &Console) -> String {
    String::from_utf8_lossy(&console.text()).into_owned()
}

#[track_caller]
fn ended(console: &Console) -> String {
    until("the script ends", || said(console).contains("the user data script has ended"));
    said(console)
}

#[test]
fn user_data_runs_inside() {
    isolated("scripts::user_data_runs_inside", || {
        // A server holds its signals; what it starts must not.
        signals::hold().unwrap();
        let mut lab = Lab::new(1).unwrap();
        let _devices = lab.add_all(vec![space("vpcd-a", 5), space("vpcd-b", 6)]).unwrap();
        let script = r#"#!/bin/sh
ip -br -4 addr show eth0
ls /sys/class/net
pwd
cat
env
echo to stderr >&2
sh -c 'kill -TERM $$'
echo "killed: $?"
read pid name state parent group session rest < /proc/$$/stat
[ $session = $$ ] && echo a session
exit 3
"#;
        let console = lab.run_user_data("vpcd-a", script.as_bytes()).unwrap();
        let text = ended(&console);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("eth0") && lines[0].contains("10.0.0.5/24"), "{text}");
        assert_eq!(lines[1..4], ["eth0", "lo", "/"], "{text}");
        for line in ["to stderr", "killed: 143", "a session", "vpcd: the user data script has ended: exit status: 3"] {
            assert!(lines.contains(&line), "{line} is missing in {text}");
        }
        assert!(!text.contains("VPCD_LIVE"), "our environment is not theirs: {text}");
        assert_eq!(lab.console("vpcd-a"), console.text());
        assert_eq!((lab.console("vpcd-b"), children()), (Vec::new(), Vec::new()));

        // Any interpreter; and one that does not exist.
        let console = lab.run_user_data("vpcd-b", b"#!/usr/bin/env python3\nprint(6 * 7)\n").unwrap();
        assert!(ended(&console).starts_with("42\n"), "{}", said(&console));
        let console = lab.run_user_data("vpcd-b", b"#!/no/such/thing\n").unwrap();
        assert!(ended(&console).contains("No such file"), "{}", said(&console));
        let console = lab.run_user_data("vpcd-b", b"#cloud-config\n").unwrap();
        assert!(said(&console).contains("not a script"), "{}", said(&console));

        // Bounded, and readable after the end.
        let console = lab.run_user_data("vpcd-b", b"#!/bin/sh\nyes | head -c 1000000; echo end\n").unwrap();
        let text = ended(&console);
        assert!(text.len() == 65_536 && text.contains("\nend\nvpcd: the user data script has ended: exit status: 0\n"));
        drop(lab);
        assert_eq!((said(&console), children()), (text, Vec::new()));
    });
}

#[test]
fn processes_end_with_their_namespace_and_no_others_do() {
    isolated("scripts::processes_end_with_their_namespace_and_no_others_do", || {
        let mut lab = Lab::new(1).unwrap();
        let _devices = lab.add_all(vec![space("vpcd-a", 5), space("vpcd-b", 6)]).unwrap();
        // A daemon, one that does not listen, one that went into another network with the script's output, and the script itself.
        let script = "#!/bin/sh
setsid sleep 7010 &
sh -c 'trap \"\" TERM; sleep 7011; sleep 7011; sleep 7011' &
ip netns exec vpcd-b sleep 7012 &
echo begun
sleep 7013
";
        let a = lab.run_user_data("vpcd-a", script.as_bytes()).unwrap();
        let b = lab.run_user_data("vpcd-b", b"#!/bin/sh\nsleep 7014 &\n").unwrap();
        ended(&b);
        until("all run", || ["7010", "7011", "7012", "7013", "7014"].into_iter().all(sleeps));
        let start = Instant::now();
        lab.remove("vpcd-a").unwrap();
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        assert_eq!(["7010", "7011", "7013"].map(sleeps), [false; 3]);
        assert!(sleeps("7012") && sleeps("7014"), "another instance's processes are its own");
        assert_eq!(children(), [""; 0]);
        assert!(ended(&a).contains("signal: 15"), "{}", said(&a));
        drop(lab);
        assert_eq!(["7012", "7014"].map(sleeps), [false; 2]);

        // One that went elsewhere and never stops talking is not listened to for ever.
        let mut lab = Lab::new(1).unwrap();
        let _devices = lab.add_all(vec![space("vpcd-a", 5), space("vpcd-b", 6)]).unwrap();
        let console = lab.run_user_data("vpcd-a", b"#!/bin/sh\nip netns exec vpcd-b yes\n").unwrap();
        until("it talks", || said(&console).contains("y\ny\n"));
        let start = Instant::now();
        lab.remove("vpcd-a").unwrap();
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        assert_eq!(children(), [""; 0]);
    });
}

fn run(namespace: &str, script: &str) -> Result<i32, HostError> {
    exec::run(namespace, &["sh".into(), "-c".into(), script.into()])
}

#[test]
fn a_command_runs_inside_and_its_exit_code_comes_back() {
    isolated("scripts::a_command_runs_inside_and_its_exit_code_comes_back", || {
        let mut lab = Lab::new(1).unwrap();
        let _devices = lab.add(space("vpcd-a", 5)).unwrap();
        assert_eq!(run("vpcd-a", "exit 7").unwrap(), 7);
        assert_eq!(
            run("vpcd-a", "ip -br addr show eth0 | grep -q 10.0.0.5/24 && test -e /sys/class/net/eth0").unwrap(),
            0
        );
        assert_eq!(run("vpcd-a", "kill -9 $$").unwrap(), 137);
        assert_ne!(exec::run("vpcd-a", &["/no/such/thing".into()]).unwrap(), 0);
        for name in ["vpcd-b", "a", "vpcd-../vpcd-a", ""] {
            let refused = run(name, "true").unwrap_err();
            assert!(matches!(refused, HostError::NoNamespace(_)), "{refused}");
        }
    });
}

#[test]
fn a_command_finds_the_server_of_an_ordinary_user() {
    // The process that is outside, as that user.
    if let Ok(script) = std::env::var("VPCD_LIVE_EXEC") {
        match run("vpcd-i-1", &script) {
            Ok(code) => std::process::exit(code),
            Err(e) => panic!("{e}"),
        }
    }
    isolated("scripts::a_command_finds_the_server_of_an_ordinary_user", || {
        if !is_root() {
            println!("left out: only root can become an ordinary user and lay out a device for them");
            return;
        }
        // The machine's device may be root's alone. The program may lie where only root looks.
        sh(
            "mount -t tmpfs tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200 && mount -t tmpfs -o mode=0755 tmpfs /mnt",
        );
        std::fs::copy(std::env::current_exe().unwrap(), "/mnt/live").unwrap();
        let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        // As `access::obtain` would, which needs a process that has no second thread yet.
        let own = ["unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-c"];
        let enter = ["mount -t tmpfs -o mode=0755 tmpfs /run && exec \"$@\"", "sh"];
        let prefix: Vec<&str> = user.into_iter().chain(own).chain(enter).collect();
        let owner = Owner::start(&prefix, "/mnt/live", "vpcd-i-1", "");
        let exec = |script: &str, user: &[&str]| {
            let name = "scripts::a_command_finds_the_server_of_an_ordinary_user";
            let mut command = std::process::Command::new(user[0]);
            command.args(&user[1..]).args(["/mnt/live", "--exact", name]).env("VPCD_LIVE_EXEC", script);
            command.current_dir("/usr").output().unwrap()
        };
        let inside = exec("ip -br addr show eth0 | grep -q 10.0.0.5/24 && test $(pwd) = /usr && exit 7", &user);
        assert_eq!(inside.status.code(), Some(7), "{}", String::from_utf8_lossy(&inside.stderr));
        let another = ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups"];
        let refused = exec("exit 7", &another);
        let text = String::from_utf8_lossy(&refused.stdout).into_owned() + &String::from_utf8_lossy(&refused.stderr);
        assert!(text.contains("there is no namespace vpcd-i-1"), "{text}");
        owner.end();
        let gone = exec("exit 7", &user);
        assert_ne!(gone.status.code(), Some(7));
    });
}
