-- The first step of every view: the events of the look-back, with the columns that the view names. A value beside an
-- error does not count. A column that the fleet has not sent yet is NULL. measuredAt: the maker's time, else Smartcar's,
-- else ours; never later than the event.
SELECT
    vehicle_id, vehicle_make, vehicle_model, vehicle_year, car_timezone, recorded_at,
    coalesce(delivered_at, recorded_at) AS event_at{columns}
FROM {table}
WHERE deleted_at IS NULL
    AND vehicle_id IS NOT NULL
    AND (event_date >= date_sub(to_date({now}), {days}) OR event_date IS NULL)
    AND coalesce(delivered_at, recorded_at) BETWEEN {now} - INTERVAL {days} DAYS AND {now} + INTERVAL 1 HOUR
