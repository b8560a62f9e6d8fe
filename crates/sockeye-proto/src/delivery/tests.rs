mod crowd;
mod cubic;
mod messages;
mod rules;
mod table;
