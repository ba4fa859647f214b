-- One row per charging session, also of one that has not ended, or whose end nobody saw.
-- outcome: 'ended'; 'charging' (an event of the last 4 hours said so); 'end not seen' (then ended_at is NULL, and
-- last_seen_at is when the car last said that it charges).
-- energy_from: 'counter' (the car's own), 'state of charge' (levels times capacity), NULL when neither is known.
WITH events AS (
    {events}
),
readings AS (
    SELECT
        *,
        coalesce(Charge_IsCharging, upper(Charge_DetailedChargingStatus) = 'CHARGING') AS charging,
        CASE WHEN Charge_IsCharging IS NULL THEN Charge_DetailedChargingStatus_measuredAt
             ELSE Charge_IsCharging_measuredAt END AS said_at
    FROM events
    WHERE Charge_IsCharging IS NOT NULL OR Charge_DetailedChargingStatus IS NOT NULL
),
-- In the order in which the car measured them: late and repeated events change nothing.
compared AS (
    SELECT
        *,
        lag(charging) OVER in_order AS was_charging,
        lag(said_at) OVER in_order AS was_said_at,
        lag(event_at) OVER in_order AS was_event_at,
        lag(Odometer_TraveledDistance_value) IGNORE NULLS OVER in_order AS was_odometer
    FROM readings
    WINDOW in_order AS (PARTITION BY vehicle_id ORDER BY said_at, event_at)
),
-- A stretch is as long as the car says the same. A car that has driven, or was silent for 12 hours, begins a new one.
stretched AS (
    SELECT
        *,
        -- A stamp that stayed while the value changed says nothing.
        CASE WHEN said_at = was_said_at THEN event_at ELSE said_at END AS begun_at,
        sum(CASE
            WHEN charging = was_charging AND NOT charging THEN 0
            WHEN charging = was_charging
                AND NOT coalesce(Odometer_TraveledDistance_value > was_odometer, false)
                AND (said_at = was_said_at OR event_at <= was_event_at + INTERVAL 12 HOURS) THEN 0
            ELSE 1
        END) OVER (PARTITION BY vehicle_id ORDER BY said_at, event_at) AS stretch
    FROM compared
),
stretches AS (
    SELECT
        vehicle_id,
        stretch,
        any_value(charging) AS charging,
        max_by(vehicle_make, event_at) AS vehicle_make,
        max_by(vehicle_model, event_at) AS vehicle_model,
        min(begun_at) AS begun_at,
        max(event_at) AS last_seen_at,
        count(*) AS readings,
        min_by(struct(
            Charge_EnergyAdded_value AS kwh,
            TractionBattery_StateOfCharge_value AS soc,
            Odometer_TraveledDistance_value AS odometer
        ), struct(said_at, event_at)) AS opening,
        min_by(TractionBattery_StateOfCharge_value, event_at)
            FILTER (WHERE TractionBattery_StateOfCharge_value IS NOT NULL) AS soc_from,
        max_by(TractionBattery_StateOfCharge_value, event_at)
            FILTER (WHERE TractionBattery_StateOfCharge_value IS NOT NULL) AS soc_to,
        max_by(Charge_EnergyAdded_value, event_at) FILTER (WHERE Charge_EnergyAdded_value IS NOT NULL) AS kwh,
        max(Odometer_TraveledDistance_value) AS odometer,
        max(TractionBattery_NominalCapacity_capacity) AS capacity_kwh,
        max(Charge_Wattage_value) / 1000 AS highest_kw,
        max_by(struct(Location_PreciseLocation_latitude AS latitude, Location_PreciseLocation_longitude AS longitude),
            event_at) FILTER (WHERE Location_PreciseLocation_latitude IS NOT NULL) AS place,
        max_by(Location_IsAtHome, event_at) FILTER (WHERE Location_IsAtHome IS NOT NULL) AS is_at_home
    FROM stretched
    GROUP BY vehicle_id, stretch
),
-- What the car said first when it no longer charged counts, too, unless it has driven since.
followed AS (
    SELECT
        *,
        lead(charging) OVER in_order AS then_charging,
        lead(begun_at) OVER in_order AS then_at,
        CASE WHEN coalesce(lead(opening.odometer) OVER in_order > odometer, false) THEN NULL
             ELSE lead(opening) OVER in_order END AS closing,
        max(capacity_kwh) OVER (PARTITION BY vehicle_id) AS capacity
    FROM stretches
    WINDOW in_order AS (PARTITION BY vehicle_id ORDER BY stretch)
)
SELECT
    vehicle_id,
    vehicle_make,
    vehicle_model,
    begun_at AS started_at,
    CASE WHEN NOT then_charging THEN then_at END AS ended_at,
    CASE WHEN NOT then_charging THEN 'ended'
         WHEN then_charging IS NULL AND last_seen_at >= {now} - INTERVAL 4 HOURS THEN 'charging'
         ELSE 'end not seen' END AS outcome,
    last_seen_at,
    readings,
    soc_from,
    IF(NOT then_charging, coalesce(closing.soc, soc_to), soc_to) AS soc_to,
    coalesce(IF(NOT then_charging, greatest(kwh, closing.kwh), kwh),
        (IF(NOT then_charging, coalesce(closing.soc, soc_to), soc_to) - soc_from) / 100 * capacity) AS energy_kwh,
    CASE WHEN coalesce(kwh, IF(NOT then_charging, closing.kwh, NULL)) IS NOT NULL THEN 'counter'
         WHEN capacity IS NOT NULL AND soc_from IS NOT NULL THEN 'state of charge' END AS energy_from,
    highest_kw,
    place.latitude,
    place.longitude,
    is_at_home
FROM followed
WHERE charging
