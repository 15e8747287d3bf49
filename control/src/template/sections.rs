//! The sections of a template, and the order in which its resources are made.

use super::check::{self, Resource, Role};
use super::eval::{Data, Env, Fail, Made, State, Value, texts};
use super::functions::{Found, PSEUDO, Scope, walk};
use super::props::{Props, at};
use super::yaml::{Kind, Node};
use super::{LogicalResource, Pos, Problem, Stack, hosts, make, ports};
use crate::model::Model;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

const SECTIONS: [&str; 10] = [
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Resources",
    "Outputs",
    "Hooks",
];

/// Ranks of interfaces whose addresses are named: before those that take the lowest free one.
const NAMED_ADDRESS_RANK: u8 = 6;

/// Everything from the tree: a stack and its warnings, or all problems. `base`: the Region that it becomes part of; none: one of its own.
pub(super) fn build(
    root: &Node,
    params: &BTreeMap<String, String>,
    base: Option<Model>,
) -> Result<(Stack, Vec<Problem>), Vec<Problem>> {
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let Some(top) = root.map() else {
        return Err(vec![Problem::new(
            root.pos,
            "ValidationError",
            "Template format error: the template must be an object",
        )]);
    };
    for (k, _) in top.iter().filter(|(k, _)| !SECTIONS.contains(&k.text.as_str())) {
        let code = if k.text == "Transform" { "UnsupportedOperation" } else { "ValidationError" };
        problems.push(Problem::new(k.pos, code, format!("Invalid template property or properties [{}]", k.text)));
    }
    let section = |name: &str, problems: &mut Vec<Problem>| match root.get(name) {
        Some(n) if n.map().is_none() && !matches!(n.kind, Kind::Null) => {
            problems.push(Problem::new(
                n.pos,
                "ValidationError",
                format!("Template format error: {name} must be an object"),
            ));
            None
        }
        n => n.filter(|n| n.map().is_some()),
    };
    let [parameters, mappings, conditions, resources, outputs, metadata] =
        ["Parameters", "Mappings", "Conditions", "Resources", "Outputs", "Metadata"].map(|n| section(n, &mut problems));
    if resources.is_none_or(|r| r.map().is_some_and(<[_]>::is_empty)) {
        problems.push(Problem::new(
            root.pos,
            "ValidationError",
            "Template format error: At least one Resources member must be defined.",
        ));
    }
    let entries = |n: Option<&'_ Node>| n.and_then(Node::map).map(<[_]>::to_vec).unwrap_or_default();

    let alone = base.is_none();
    let mut model = base.unwrap_or_default();
    let said = metadata.and_then(|m| m.get("Vpcd")).and_then(|v| v.get("Region")).and_then(Node::text);
    if let Some(region) = params.get("AWS::Region").map(String::as_str).or(said).filter(|_| alone) {
        model.set_region(region);
    }
    if let Some(n) = metadata.and_then(|m| m.get("Vpcd")).and_then(|v| v.get("Region"))
        && !params.contains_key("AWS::Region")
        && n.text().is_some_and(|r| r != model.region())
    {
        let message = format!("The template is for another Region; this is {}", model.region());
        problems.push(Problem::new(n.pos, "ValidationError", message));
    }
    let internet = ports::internet(metadata, &mut model, &mut problems);
    let mut env =
        Env { parameters: pseudo(&model), model, mappings, conditions: HashMap::new(), states: HashMap::new() };
    read_parameters(parameters, params, &mut env, &mut problems, &mut warnings);
    if let Some(rules) = root.get("Rules").and_then(Node::map) {
        for (k, _) in rules.iter().filter(|(k, _)| k.text != "CheckBootstrapVersion") {
            warnings.push(Problem::new(k.pos, "Ignored", format!("Rule {} is not checked", k.text)));
        }
    }
    if let Some(hooks) = root.get("Hooks") {
        warnings.push(Problem::new(hooks.pos, "Ignored", "Hooks have no effect here"));
    }

    let resource_entries = entries(resources);
    let condition_entries = entries(conditions);
    let parameter_entries = entries(parameters);
    let scope = Scope {
        parameters: parameter_entries.iter().map(|(k, _)| k.text.as_str()).collect(),
        conditions: condition_entries.iter().map(|(k, _)| k.text.as_str()).collect(),
        resources: resource_entries
            .iter()
            .map(|(k, n)| (k.text.as_str(), n.get("Type").and_then(Node::text).unwrap_or("")))
            .collect(),
        mappings,
    };
    read_conditions(&condition_entries, &scope, &mut env, &mut problems);
    let gateways = |name: &str| resource_entries.iter().any(|(k, n)| k.text == name && is_vpn_gateway(n));
    let mut remote = ports::remote(metadata, gateways, &mut problems);
    if !alone && let Some(first) = remote.first() {
        let message =
            format!("Metadata.Vpcd.Remote has no effect on a server; `vpcd attach` connects {}", first.gateway);
        warnings.push(Problem::new(first.pos, "Ignored", message));
        remote.clear();
    }
    let mut all: Vec<Resource<'_>> =
        resource_entries.iter().map(|(k, n)| check::resource(k, n, &scope, &mut problems, &mut warnings)).collect();
    for (k, n) in &entries(outputs) {
        check_output(k.pos, &k.text, n, &scope, &mut problems);
    }
    make_all(&mut all, &mut env, &mut problems);
    let outputs = if problems.is_empty() { read_outputs(&entries(outputs), &env, &mut problems) } else { Vec::new() };
    if !problems.is_empty() {
        return Err(problems);
    }
    let logical: Vec<LogicalResource> = all
        .iter()
        .filter_map(|r| match env.states.get(r.logical) {
            Some(State::Made(m)) => {
                Some(LogicalResource { logical: r.logical.into(), kind: m.kind.into(), id: m.id.clone() })
            }
            _ => None,
        })
        .collect();
    let ports = ports::ports(&env.model, &logical, &remote);
    for gateway in ports.iter().filter(|p| p.attached && p.subnet.is_none()) {
        // It was made a moment ago.
        let _ = env.model.bind_port(&gateway.id, true);
    }
    Ok((Stack { ports, model: env.model, logical, internet, outputs, warnings: Vec::new() }, warnings))
}

fn is_vpn_gateway(resource: &Node) -> bool {
    resource.get("Type").and_then(Node::text) == Some("AWS::EC2::VPNGateway")
}

fn pseudo(model: &Model) -> HashMap<String, Data> {
    let none = Pos::default();
    PSEUDO
        .iter()
        .map(|name| {
            let text = match *name {
                "AWS::NoValue" => return ((*name).to_string(), Data::NoValue),
                "AWS::NotificationARNs" => return ((*name).to_string(), texts::<String>(none, [])),
                "AWS::AccountId" => model.account().into(),
                "AWS::Partition" => "aws".into(),
                "AWS::Region" => model.region().into(),
                "AWS::StackId" => format!("arn:aws:cloudformation:{}:{}:stack/vpcd/0", model.region(), model.account()),
                "AWS::StackName" => "vpcd".into(),
                _ => "amazonaws.com".into(),
            };
            ((*name).to_string(), Data::Text(text))
        })
        .collect()
}

const PARAMETER_KEYS: [&str; 11] = [
    "Type",
    "Default",
    "AllowedValues",
    "AllowedPattern",
    "MinLength",
    "MaxLength",
    "MinValue",
    "MaxValue",
    "NoEcho",
    "ConstraintDescription",
    "Description",
];

fn read_parameters(
    section: Option<&Node>,
    given: &BTreeMap<String, String>,
    env: &mut Env<'_>,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    let declared = section.and_then(Node::map).unwrap_or_default();
    for name in given.keys().filter(|n| !n.starts_with("AWS::") && !declared.iter().any(|(k, _)| k.text == **n)) {
        let pos = section.map_or(Pos { line: 1, column: 1 }, |s| s.pos);
        problems.push(Problem::new(
            pos,
            "ValidationError",
            format!("Parameters: [{name}] do not exist in the template"),
        ));
    }
    for (key, node) in declared {
        let mut bad = |pos: Pos, text: String| problems.push(Problem::new(pos, "ValidationError", text));
        let name = &key.text;
        for (k, _) in node.map().unwrap_or_default().iter().filter(|(k, _)| !PARAMETER_KEYS.contains(&k.text.as_str()))
        {
            bad(k.pos, format!("Template format error: parameter {name} has an unknown key {}", k.text));
        }
        let Some(kind) = node.get("Type").and_then(Node::text) else {
            bad(
                key.pos,
                format!("Template format error: every Parameters object must contain a Type member. ({name})"),
            );
            continue;
        };
        let known = ["String", "Number", "CommaDelimitedList"].contains(&kind)
            || kind.starts_with("AWS::")
            || kind.starts_with("List<");
        if !known {
            bad(node.pos, format!("Template format error: Unrecognized parameter type: {kind}"));
        }
        let Some(value) =
            given.get(name).map(String::as_str).or_else(|| node.get("Default").map(|d| d.text().unwrap_or_default()))
        else {
            bad(key.pos, format!("Parameters: [{name}] must have values"));
            continue;
        };
        if let Some(allowed) = node.get("AllowedValues").and_then(Node::list)
            && !allowed.iter().any(|a| a.text() == Some(value))
        {
            bad(key.pos, format!("Parameter '{name}' must be one of AllowedValues"));
        }
        if kind.ends_with("Number") || kind == "List<Number>" {
            let numbers = value.split(',').map(|v| v.trim().parse::<f64>());
            for n in numbers {
                let (low, high) = (bound(node, "MinValue"), bound(node, "MaxValue"));
                match n {
                    Err(_) => bad(key.pos, format!("Parameter '{name}' must be a number")),
                    Ok(n) if low.is_some_and(|l| n < l) || high.is_some_and(|h| n > h) => {
                        bad(key.pos, format!("Parameter '{name}' is out of its range"))
                    }
                    Ok(_) => {}
                }
            }
        }
        let length = value.chars().count() as f64;
        if bound(node, "MinLength").is_some_and(|l| length < l) || bound(node, "MaxLength").is_some_and(|h| length > h)
        {
            bad(key.pos, format!("Parameter '{name}' has a wrong length"));
        }
        if let Some(p) = node.get("AllowedPattern") {
            warnings.push(Problem::new(p.pos, "Ignored", format!("AllowedPattern of parameter {name} is not checked")));
        }
        let data = if kind == "CommaDelimitedList" || kind.starts_with("List<") || kind.contains("Value<List<") {
            texts(key.pos, value.split(',').map(str::trim).filter(|v| !v.is_empty()))
        } else {
            Data::Text(value.into())
        };
        env.parameters.insert(name.clone(), data);
    }
}

fn bound(node: &Node, key: &str) -> Option<f64> {
    node.get(key)?.text()?.parse().ok()
}

fn read_conditions(
    entries: &[(super::yaml::Key, Node)],
    scope: &Scope<'_>,
    env: &mut Env<'_>,
    problems: &mut Vec<Problem>,
) {
    // Conditions see parameters and each other, no resources.
    let scope = Scope {
        parameters: scope.parameters.clone(),
        conditions: scope.conditions.clone(),
        resources: BTreeMap::new(),
        mappings: scope.mappings,
    };
    let mut open: Vec<&(super::yaml::Key, Node)> = Vec::new();
    for entry in entries {
        let mut found = Found::default();
        walk(&entry.1, &scope, true, &mut found);
        if found.problems.is_empty() {
            open.push(entry);
        }
        problems.append(&mut found.problems);
    }
    // Each round settles those whose conditions are settled; what never settles goes in circles.
    loop {
        let before = open.len();
        open.retain(|(k, n)| match env.truth(n) {
            Ok(t) => {
                env.conditions.insert(k.text.clone(), t);
                false
            }
            Err(Fail::Quiet) => true,
            Err(Fail::Loud(p)) => {
                problems.push(p);
                false
            }
        });
        if open.len() == before {
            break;
        }
    }
    for (k, _) in open {
        if problems.is_empty() {
            problems.push(Problem::new(
                k.pos,
                "ValidationError",
                format!("Template format error: Circular dependency of condition {}", k.text),
            ));
        }
    }
}

/// Makes all resources in order of their dependencies; among the ready ones by rank, then as written.
fn make_all(all: &mut [Resource<'_>], env: &mut Env<'_>, problems: &mut Vec<Problem>) {
    let index: HashMap<&str, usize> = all.iter().enumerate().map(|(i, r)| (r.logical, i)).collect();
    let mut waiting: Vec<usize> = all.iter().map(|r| r.needs.len()).collect();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
    for (i, r) in all.iter().enumerate() {
        for n in r.needs.iter().filter_map(|n| index.get(n.as_str())) {
            users[*n].push(i);
        }
    }
    let absent = |env: &Env<'_>, r: &Resource<'_>| r.condition.is_some_and(|c| env.conditions.get(c) == Some(&false));
    let addresses = allocate_addresses(all, env, problems, absent);
    let mut ready: BinaryHeap<std::cmp::Reverse<(u8, usize)>> =
        (0..all.len()).filter(|i| waiting[*i] == 0).map(|i| std::cmp::Reverse((rank(&all[i]), i))).collect();
    let mut done = BTreeSet::new();
    while let Some(std::cmp::Reverse((_, i))) = ready.pop() {
        done.insert(i);
        let r = &all[i];
        let state = if absent(env, r) {
            State::Absent
        } else if r.broken || r.needs.iter().any(|n| matches!(env.states.get(n), Some(State::Failed) | None)) {
            State::Failed
        } else {
            match one(r, env, addresses.get(&i)) {
                Ok(s) => s,
                Err(Fail::Quiet) => State::Failed,
                Err(Fail::Loud(p)) => {
                    problems.push(p.of(r.logical));
                    State::Failed
                }
            }
        };
        env.states.insert(r.logical.into(), state);
        for &u in &users[i] {
            waiting[u] -= 1;
            if waiting[u] == 0 {
                ready.push(std::cmp::Reverse((rank(&all[u]), u)));
            }
        }
    }
    let stuck: Vec<&Resource<'_>> = all.iter().enumerate().filter(|(i, _)| !done.contains(i)).map(|(_, r)| r).collect();
    if let Some(first) = stuck.first() {
        let names: Vec<&str> = stuck.iter().map(|r| r.logical).collect();
        problems.push(
            Problem::new(
                first.pos,
                "ValidationError",
                format!("Circular dependency between resources: [{}]", names.join(", ")),
            )
            .of(first.logical),
        );
    }
}

/// Elastic IPs of all EIP resources, named addresses first, then the pool in template order.
fn allocate_addresses(
    all: &mut [Resource<'_>],
    env: &mut Env<'_>,
    problems: &mut Vec<Problem>,
    absent: impl Fn(&Env<'_>, &Resource<'_>) -> bool,
) -> HashMap<usize, String> {
    let mut out = HashMap::new();
    for named in [true, false] {
        for (i, r) in all.iter_mut().enumerate() {
            let elastic = matches!(r.role, Role::Typed(t) if t.name == "AWS::EC2::EIP");
            let address = r.properties.and_then(|p| p.get("Address"));
            if !elastic || r.broken || absent(env, r) || address.is_some() != named {
                continue;
            }
            let wanted = match address.map(|n| env.text(n)).transpose() {
                Ok(None) => None,
                Ok(Some(t)) => match crate::model::parse::address4(&t) {
                    Ok(a) => Some(a),
                    Err(e) => {
                        r.broken = true;
                        problems.push(Problem::new(address.map_or(r.pos, |n| n.pos), e.code, e.message).of(r.logical));
                        continue;
                    }
                },
                Err(_) => {
                    r.broken = true;
                    let text = "Address must be known before any resource is made";
                    problems
                        .push(Problem::new(address.map_or(r.pos, |n| n.pos), "ValidationError", text).of(r.logical));
                    continue;
                }
            };
            match env.model.allocate_address(wanted) {
                Ok(id) => {
                    out.insert(i, id);
                }
                Err(e) => {
                    r.broken = true;
                    problems.push(Problem::new(address.map_or(r.pos, |n| n.pos), e.code, e.message).of(r.logical));
                }
            }
        }
    }
    out
}

fn rank(r: &Resource<'_>) -> u8 {
    match r.role {
        Role::Typed(t) => {
            let host = ["AWS::EC2::Instance", "AWS::EC2::NetworkInterface"].contains(&t.name);
            if host && r.properties.is_some_and(names_address) { NAMED_ADDRESS_RANK } else { t.rank }
        }
        Role::RestrictDefaultGroup => 4,
        Role::Nothing => 0,
    }
}

fn names_address(node: &Node) -> bool {
    match &node.kind {
        Kind::Map(m) => m.iter().any(|(k, n)| {
            ["PrivateIpAddress", "PrivateIpAddresses", "Ipv6Addresses"].contains(&k.text.as_str()) || names_address(n)
        }),
        Kind::List(l) => l.iter().any(names_address),
        _ => false,
    }
}

fn one(r: &Resource<'_>, env: &mut Env<'_>, address: Option<&String>) -> Result<State, Fail> {
    let t = match r.role {
        Role::Nothing => return Ok(State::Absent),
        Role::RestrictDefaultGroup => {
            let value: Option<Value> = r.properties.map(|p| env.eval(p)).transpose()?;
            make::restrict_default_group(&mut env.model, &Props::of(r.pos, value)?)?;
            return Ok(State::Absent);
        }
        Role::Typed(t) => t,
    };
    let value = r.properties.map(|p| env.eval(p)).transpose()?;
    let props = Props::of(r.pos, value)?;
    let made = match address {
        Some(allocation) => {
            hosts::elastic_ip(&mut env.model, allocation, &props)?;
            let public = env.model.elastic_ips().get(allocation).map(|a| a.public.to_string()).unwrap_or_default();
            Made { kind: t.name, id: allocation.clone(), reference: public }
        }
        None => make::make(env, t, r.logical, &props)?,
    };
    env.model.set_label(&made.id, r.logical);
    let tags = make::tags(&props)?;
    if !tags.is_empty() {
        env.model.create_tags(std::slice::from_ref(&made.id), &tags).map_err(at(props.pos("Tags")))?;
    }
    env.model.tag_logical_id(&made.id, r.logical);
    Ok(State::Made(made))
}

fn check_output(pos: Pos, name: &str, node: &Node, scope: &Scope<'_>, problems: &mut Vec<Problem>) {
    let mut found = Found::default();
    match (node.map(), node.get("Value")) {
        (Some(map), Some(value)) => {
            for (k, _) in
                map.iter().filter(|(k, _)| !["Value", "Description", "Export", "Condition"].contains(&k.text.as_str()))
            {
                found.problem(k.pos, format!("Template format error: output {name} has an unknown key {}", k.text));
            }
            walk(value, scope, false, &mut found);
            if let Some(c) = node.get("Condition")
                && !c.text().is_some_and(|c| scope.conditions.contains(c))
            {
                found.problem(
                    c.pos,
                    "Template format error: Unresolved condition dependency in the Outputs block of the template",
                );
            }
        }
        _ => found
            .problem(pos, format!("Template format error: every Outputs member must contain a Value object ({name})")),
    }
    problems.append(&mut found.problems);
}

fn read_outputs(
    entries: &[(super::yaml::Key, Node)],
    env: &Env<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (k, n) in entries {
        let off = n.get("Condition").and_then(Node::text).is_some_and(|c| env.conditions.get(c) == Some(&false));
        let Some(value) = n.get("Value").filter(|_| !off) else { continue };
        match env.text(value) {
            Ok(v) => out.push((k.text.clone(), v)),
            Err(Fail::Loud(p)) => problems.push(p),
            Err(Fail::Quiet) => {}
        }
    }
    out
}
