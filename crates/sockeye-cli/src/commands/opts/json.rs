//! The events of `sockeye opts` (`specs/06-events.md` §6).

use std::time::Duration;

use serde_json::{Map, Number, Value as Json, json};
use sockeye::{
    inspect::{Facts, Limit, Limits, Measure, Queues, TcpInfo, TcpState},
    option::{Applied, Level, OptionError, Setting, SocketOption, Target, Value},
};

use super::watch::How;
use crate::output::{json::event, measure::hex};

/// What a socket is.
pub(super) fn socket(facts: &Facts, listening: bool) -> Json {
    event(
        "socket",
        json!({
            "fileno": facts.fileno,
            "family": facts.family.constant(),
            "family_number": facts.family.number(),
            "type": facts.kind.constant(),
            "type_number": facts.kind.number(),
            "protocol": facts.protocol.constant(),
            "protocol_number": facts.protocol.0,
            "local": facts.local.to_string(),
            "peer": facts.peer.as_ref().map(ToString::to_string),
            "listening": listening,
        }),
    )
}

/// An option and what the kernel answered.
pub(super) fn option(option: &'static SocketOption, answer: &Result<Value, OptionError>) -> Json {
    let (value, text, error) = of_answer(Some(option), answer);
    event(
        "option",
        json!({
            "name": option.name,
            "level": option.level.constant(),
            "level_number": option.level.number(),
            "constant": option.constant,
            "number": option.number,
            "type": option.kind.c_type(),
            "kind": option.kind.word(),
            "settable": option.is_settable(),
            "meaning": option.meaning,
            "value": value,
            "text": text,
            "error": error,
        }),
    )
}

/// An option that is not in the table, by its numbers.
pub(super) fn number(target: &Target, answer: &Result<Value, OptionError>) -> Json {
    let (value, text, error) = of_answer(None, answer);
    let (level, number) = match target {
        Target::Number { level, number } => (*level, *number),
        _ => (-1, -1),
    };
    event(
        "option",
        json!({
            "name": null,
            "level": Level::of(level).map(Level::constant),
            "level_number": level,
            "constant": null,
            "number": number,
            "type": "struct",
            "kind": "structure",
            "settable": true,
            "meaning": null,
            "value": value,
            "text": text,
            "error": error,
        }),
    )
}

/// What became of a setting.
pub(super) fn option_set(setting: &Setting, applied: &Applied) -> Json {
    let option = applied.option;
    let (before, after) = applied.shown();
    event(
        "option_set",
        json!({
            "name": option.map(|option| option.name),
            "level": Level::of(applied.level).map(Level::constant),
            "level_number": applied.level,
            "constant": option.map(|option| option.constant),
            "number": applied.number,
            "asked": of_value(option, &setting.value),
            "before": applied.before.as_ref().map(|value| of_value(option, value)),
            "after": applied.after.as_ref().map(|value| of_value(option, value)),
            "before_text": before,
            "after_text": after,
        }),
    )
}

/// Both buffers at a moment.
pub(super) fn queues(at: Duration, queues: &Queues) -> Json {
    let memory = queues.memory;
    event(
        "queues",
        json!({
            "at_s": at.as_secs_f64(),
            "receive_queue": queues.receive,
            "send_queue": queues.send,
            "unsent": queues.unsent,
            "receive_buffer": queues.receive_buffer,
            "send_buffer": queues.send_buffer,
            "receive_fill": queues.receive_fill(),
            "send_fill": queues.send_fill(),
            "receive_memory": memory.map(|memory| memory.receive),
            "send_memory": memory.map(|memory| memory.send.max(memory.queued)),
            "backlog_memory": memory.map(|memory| memory.backlog),
            "drops": memory.map(|memory| memory.drops),
            "accept_waiting": queues.accept.map(|accept| accept.waiting),
            "accept_limit": queues.accept.map(|accept| accept.limit),
        }),
    )
}

/// `TCP_INFO` at a moment.
pub(super) fn tcp_info(at: Duration, info: &TcpInfo, limits: Option<&Limits>) -> Json {
    let figures: Map<String, Json> = info
        .figures()
        .map(|figure| match figure.measure {
            Measure::Time(time) => (format!("{}_s", figure.name), time.as_secs_f64().into()),
            other => (figure.name.to_owned(), other.number().into()),
        })
        .collect();
    event(
        "tcp_info",
        json!({
            "at_s": at.as_secs_f64(),
            "state": info.state().map(TcpState::name),
            "congestion_state": info.congestion_state(),
            "options": info.options(),
            "send_scale": info.window_scale().map(|(send, _)| send),
            "receive_scale": info.window_scale().map(|(_, receive)| receive),
            "rate_app_limited": info.is_rate_app_limited(),
            "zero_window": info.is_window_closed(),
            "figures": figures,
            "limited": limits.map(of_limits),
        }),
    )
}

fn of_limits(limits: &Limits) -> Json {
    json!({
        "elapsed_s": limits.elapsed.as_secs_f64(),
        "by": limits.main().map(Limit::name),
        "network": limits.share(Limit::Network),
        "receiver_window": limits.share(Limit::ReceiverWindow),
        "send_buffer": limits.share(Limit::SendBuffer),
        "application": limits.share(Limit::Application),
    })
}

/// Why watching ended.
pub(super) fn watched(at: Duration, times: u64, how: How) -> Json {
    event("watched", json!({ "at_s": at.as_secs_f64(), "times": times, "how": how.word() }))
}

/// Value, its text, and why there is none.
fn of_answer(
    option: Option<&'static SocketOption>,
    answer: &Result<Value, OptionError>,
) -> (Json, Option<String>, Option<String>) {
    match answer {
        Ok(value) => {
            let text = option.map(|option| option.show(value));
            (of_value(option, value), text, None)
        }
        Err(error) => (Json::Null, None, Some(error.to_string())),
    }
}

/// Flags are booleans, times are seconds, counters an object, structures hexadecimal.
fn of_value(option: Option<&'static SocketOption>, value: &Value) -> Json {
    match value {
        Value::Flag(on) => (*on).into(),
        Value::Integer(number) => of_number(*number),
        Value::Time(time) => time.as_secs_f64().into(),
        Value::Linger(time) => time.map(|time| time.as_secs_f64()).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Ports(low, high) => json!([low, high]),
        Value::Credentials { pid, uid, gid } => json!({ "pid": pid, "uid": uid, "gid": gid }),
        Value::Counters(numbers) => {
            let names = option.map_or(&[][..], |option| option.counter_names());
            names
                .iter()
                .zip(numbers)
                .map(|(name, number)| ((*name).to_owned(), Json::from(*number)))
                .collect()
        }
        Value::Bytes(bytes) => hex(bytes).into(),
        _ => Json::Null,
    }
}

fn of_number(number: i128) -> Json {
    u64::try_from(number)
        .map(Number::from)
        .or_else(|_| i64::try_from(number).map(Number::from))
        .map_or(Json::Null, Json::Number)
}

/// One of every event, for the test of the schema.
#[cfg(test)]
pub(crate) fn samples() -> Vec<Json> {
    use std::net::{TcpListener, TcpStream};

    use sockeye::{inspect::why_limited, option};

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let facts = Facts::of(&stream).unwrap();
    let mut events = vec![socket(&facts, false), socket(&Facts::of(&listener).unwrap(), true)];
    for one in option::all() {
        events.push(option(one, &option::read(&stream, one)));
    }
    let unnamed = Target::parse("SOL_SOCKET:14").unwrap();
    events.push(number(&unnamed, &unnamed.read(&stream)));
    let nowhere = Target::parse("4711:1").unwrap();
    events.push(number(&nowhere, &nowhere.read(&stream)));
    for text in ["nodelay", "linger=off", "1:13=x0100000005000000", "SOL_SOCKET:14=1", "rcvtimeo=1.5"] {
        let setting = Setting::parse(text).unwrap();
        events.push(option_set(&setting, &setting.apply(&stream).unwrap()));
    }
    let info = TcpInfo::of(&stream).unwrap();
    let limits = why_limited(&info, &TcpInfo::of(&stream).unwrap());
    events.push(tcp_info(Duration::ZERO, &info, None));
    events.push(tcp_info(Duration::from_secs(1), &info, limits.as_ref()));
    events.push(queues(Duration::ZERO, &Queues::of(&stream).unwrap()));
    events.push(queues(Duration::ZERO, &Queues::of(&listener).unwrap()));
    events.extend(How::ALL.map(|how| watched(Duration::from_secs(2), 3, how)));
    events
}
